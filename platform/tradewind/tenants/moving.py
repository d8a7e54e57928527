"""`tradewind tenant suspend`, `resume`, `close` and `keep`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from commerce.lifecycle import service
from commerce.lifecycle.schemas import ClosureOut, TenantOut
from commerce.tenancy import publishing
from foundation.database import Database, Tx
from foundation.settings import Settings
from tradewind.tenants import working


def suspend(slug: str, reason: str) -> str:
    """Close a shop for now, and say how it stands.

    Raises:
        NotDone.
    """
    return _said(slug, lambda tx, _, __: service.suspend(tx, reason=reason))


def resume(slug: str) -> str:
    """Open it again.

    Raises:
        NotDone.
    """
    return _said(slug, lambda tx, _, __: service.reactivate(tx))


def close(slug: str, reason: str) -> str:
    """Close it for good: it is removed when its time of grace is over.

    Raises:
        NotDone.
    """

    async def work(tx: Tx, tenant: TenantOut, settings: Settings) -> None:
        grace = timedelta(days=settings.closing_days)
        await service.close(tx, typed=tenant.name, reason=reason, by=service.OPERATOR, grace=grace)

    return _said(slug, work)


def keep(slug: str) -> str:
    """Undo that.

    Raises:
        NotDone.
    """

    async def work(tx: Tx, _: TenantOut, __: Settings) -> None:
        await service.keep(tx, by=service.OPERATOR)

    return _said(slug, work)


def _said(slug: str, work: Callable[[Tx, TenantOut, Settings], Awaitable[None]]) -> str:
    async def whole(database: Database, settings: Settings) -> ClosureOut:
        tenant = await working.shop(database, slug)
        async with database.tx(tenant.id) as tx:
            await work(tx, tenant, settings)
            standing = await service.standing(tx)
        await publishing.publish(database, tenant.id)
        return standing

    standing = working.with_database(whole)
    ends = f"; everything is deleted at {standing.closes_at:%Y-%m-%d %H:%M} UTC" if standing.closes_at else ""
    return f"{slug} is {standing.status}{ends}."
