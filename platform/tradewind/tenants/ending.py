"""`tradewind tenant remove`: a shop is removed for good."""

from __future__ import annotations

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from commerce.leaving.removing import Removed
from commerce.lifecycle.schemas import TenantOut
from foundation.database import Database
from foundation.settings import Settings
from tradewind.removal import running
from tradewind.tenants import working
from tradewind.tenants.working import NotDone


class NameDiffers(NotDone):
    """What was typed is not the shop's name."""


def find(slug: str) -> TenantOut:
    """The shop that is to be removed.

    Raises:
        NotDone: there is none.
    """

    async def read(database: Database, _: Settings) -> TenantOut:
        return await working.shop(database, slug)

    return working.with_database(read)


def remove(tenant: TenantOut, *, typed: str, early: bool, quiet: bool) -> Removed:
    """Remove it from every engine, and show how far it is.

    Raises:
        NameDiffers: something else than its slug was typed.
        NotDone: it is not closing, or its time of grace is not over and this is not to be `early`.
    """
    if typed != tenant.slug:
        raise NameDiffers(f"What was typed is not {tenant.slug!r}: nothing was removed.")

    async def work() -> Removed:
        columns = (SpinnerColumn(), TextColumn("{task.description:24}"), TextColumn("{task.completed:,}"))
        with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
            task = progress.add_task(tenant.slug, total=None)

            def seen(at: str, count: int) -> None:
                progress.update(task, description=at, completed=count)

            return await running.remove(Settings(), tenant.id, early=early, seen=seen)

    return working.told(work)
