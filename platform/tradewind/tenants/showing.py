"""`tradewind tenant list`, `tradewind tenant show`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from commerce.leaving import exports
from commerce.leaving.schemas import ExportOut
from commerce.lifecycle import operating
from commerce.lifecycle import service as lifecycle
from commerce.lifecycle.schemas import StatusOut, TenantOut
from commerce.plans import service as plans
from foundation.database import SHARED, Database
from foundation.settings import Settings
from tradewind.relocating.steps import called
from tradewind.tenants import working

PAGE = 100


@dataclass(frozen=True, slots=True)
class Shown:
    """A shop, and what became of it."""

    tenant: TenantOut
    moving_to: str | None
    """The database that it is on its way to."""
    plan: str
    orders: int
    """This month, as far as they are counted."""
    history: Sequence[StatusOut]
    exports: Sequence[ExportOut]


def every() -> list[TenantOut]:
    """All shops, by slug."""

    async def read(database: Database, _: Settings) -> list[TenantOut]:
        found: list[TenantOut] = []
        async with database.transaction(None) as session:
            while page := await operating.tenants(session, after=found[-1].slug if found else "", limit=PAGE):
                found += page
        return found

    return working.with_database(read)


def one(slug: str) -> Shown:
    """A shop.

    Raises:
        NotDone: there is none.
    """

    async def read(database: Database, _: Settings) -> Shown:
        tenant = await working.shop(database, slug)
        async with database.tx(tenant.id, read_only=True) as tx:
            plan, standing = await plans.standing(tx), await lifecycle.standing(tx)
            archives, moving_to = await exports.every(tx), await operating.moving_to(tx)
        return Shown(tenant, moving_to, plan.plan.name, plan.orders, standing.history, archives.items)

    return working.with_database(read)


def print_every(found: Sequence[TenantOut], *, as_json: bool) -> None:
    """For a person a table, for a program a list."""
    console = Console()
    if as_json:
        console.print_json(json.dumps([tenant.model_dump(mode="json") for tenant in found]))
        return
    table = Table("shop", "name", "status", "hosts", "database", "opened", "ends", title=f"{len(found)} shops")
    for tenant in found:
        ends = f"{tenant.closes_at:%Y-%m-%d %H:%M}" if tenant.closes_at else ""
        opened = f"{tenant.created_at:%Y-%m-%d}"
        hosts, database = " ".join(tenant.hosts), called(tenant.database or SHARED)
        table.add_row(tenant.slug, escape(tenant.name), _coloured(tenant.status), hosts, database, opened, ends)
    console.print(table)


def print_one(shown: Shown, *, as_json: bool) -> None:
    """For a person tables, for a program an object."""
    console, tenant = Console(), shown.tenant
    if as_json:
        said = {
            **tenant.model_dump(mode="json"),
            "moving_to": shown.moving_to,
            "plan": shown.plan,
            "orders": shown.orders,
            "history": [one.model_dump(mode="json") for one in shown.history],
            "exports": [one.model_dump(mode="json") for one in shown.exports],
        }
        console.print_json(json.dumps(said))
        return
    facts = Table("", "", title=escape(tenant.name), show_header=False)
    for name, value in (
        ("status", _coloured(tenant.status)),
        ("id", str(tenant.id)),
        ("hosts", " ".join(tenant.hosts)),
        ("database", _where(shown)),
        ("currency", tenant.currency),
        ("plan", f"{shown.plan}, {shown.orders:,} orders this month"),
        ("opened", f"{tenant.created_at:%Y-%m-%d %H:%M} UTC"),
        ("ends", f"{tenant.closes_at:%Y-%m-%d %H:%M} UTC" if tenant.closes_at else ""),
    ):
        facts.add_row(name, value)
    console.print(facts)
    if shown.history:
        history = Table("when", "status", "by", "why", title="What became of it")
        for change in shown.history:
            history.add_row(
                f"{change.changed_at:%Y-%m-%d %H:%M}", change.status, escape(change.changed_by), escape(change.reason)
            )
        console.print(history)


def _where(shown: Shown) -> str:
    here = called(shown.tenant.database or SHARED)
    return here if shown.moving_to is None else f"{here}, on its way to {called(shown.moving_to)}"


def _coloured(status: str) -> str:
    colour = {"active": "green", "suspended": "yellow", "closing": "red", "removing": "red"}.get(status, "blue")
    return f"[{colour}]{status}[/]"
