"""Whoever runs the platform: proved by a token from the settings, at no shop's address in particular."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Request
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from commerce import deeds
from commerce.http import Core, CoreDep
from commerce.lifecycle.schemas import TenantOut
from commerce.tenancy import publishing
from foundation.access import OPERATOR, needs
from foundation.database import Tx, hot
from foundation.errors import NotFound, Unauthenticated


class OperatorUnknown(Unauthenticated):
    """This needs the operator's token in the Authorization header, and the one given is not good."""

    code = "lifecycle.operator_unknown"


class TenantNotFound(NotFound):
    """There is no shop of this name."""

    code = "lifecycle.tenant_not_found"


ACTOR = "system:operator"
"""Who the audit log says it was."""


@needs(OPERATOR)
async def _operator(request: Request, core: CoreDep) -> None:
    kept = core.settings.operator_token
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    # Compared even when there is none, so that the time says nothing.
    expected = kept.get_secret_value() if kept else ""
    same = hmac.compare_digest(shown.encode(), expected.encode())
    if not (expected and same and scheme.lower() == "bearer"):
        raise OperatorUnknown
    deeds.begin(request, ACTOR)


OperatorDep = Annotated[None, Depends(_operator)]
SlugPath = Annotated[str, Path(max_length=100, pattern=r"^[a-z0-9-]+$")]

# uq_tenant_slug
_TENANTS = text(
    """
    SELECT t.id, t.slug, t.name, t.currency, t.locale, t.status, t.created_at, t.closes_at,
           nullif(t.home, '') AS database,
           ARRAY(SELECT d.host FROM tenant_domain d WHERE d.tenant_id = t.id ORDER BY d.host) AS hosts
    FROM tenant t WHERE t.status <> 'draft' AND t.slug > :after AND (CAST(:slug AS text) IS NULL OR t.slug = :slug)
    ORDER BY t.slug LIMIT :limit
    """
)
# pk_tenant
_MOVING_TO = hot(text("SELECT moving_to FROM tenant WHERE id = :tenant_id"))
_CLOSED_BEFORE = text(
    """
    SELECT id, slug FROM tenant
    WHERE (status = 'closing' AND closes_at <= :now) OR (status = 'draft' AND created_at <= :drafted_before)
    ORDER BY id
    """
)


async def tenants(session: AsyncSession, *, after: str = "", limit: int = 100) -> list[TenantOut]:
    """Shops in any state, by slug, after one."""
    return await _read(session, {"after": after, "slug": None, "limit": limit})


async def tenant(session: AsyncSession, slug: str) -> TenantOut:
    """A shop by its slug.

    Raises:
        TenantNotFound.
    """
    found = await _read(session, {"after": "", "slug": slug, "limit": 1})
    if not found:
        raise TenantNotFound
    return found[0]


async def found(core: Core, slug: str) -> TenantOut:
    """The shop that a path names.

    Raises:
        TenantNotFound.
    """
    async with core.database.transaction(None) as session:
        return await tenant(session, slug)


async def changed(core: Core, tenant_id: UUID) -> None:
    """Let go of what this worker remembers of a shop, and let the shared directory know of it at once."""
    core.directory.heard(str(tenant_id))
    await publishing.publish(core.database, tenant_id)


async def moving_to(tx: Tx) -> str | None:
    """The database that the shop is on its way to, if it is: until it has arrived, nothing of it can be changed."""
    row = await tx.one(_MOVING_TO)
    return row["moving_to"] if row else None


async def ended(session: AsyncSession, *, now: datetime, drafted_before: datetime) -> Sequence[tuple[UUID, str]]:
    """(id, slug) of shops whose time of grace is over, and of what somebody began to set up and never finished."""
    rows = await session.execute(_CLOSED_BEFORE, {"now": now, "drafted_before": drafted_before})
    return [(row.id, row.slug) for row in rows]


async def _read(session: AsyncSession, values: dict[str, Any]) -> list[TenantOut]:
    rows = await session.execute(_TENANTS, values)
    return [TenantOut.model_validate(dict(row)) for row in rows.mappings()]
