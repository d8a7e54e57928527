"""`tradewind audit`: whether the audit log is what was written."""

from __future__ import annotations

import asyncio

import commerce.tables  # noqa: F401  (a table of one context refers to those of others)
from commerce.audit import verifying
from commerce.audit.verifying import Verdict
from commerce.tenancy import service as tenancy
from foundation.database import Database
from foundation.settings import EngineNotConfigured, Settings
from tradewind.errors import StackError


class NotChecked(StackError):
    """The log can't be checked."""


def run(slug: str | None) -> tuple[list[str], bool]:
    """What was found, in lines, and whether every log is whole.

    Raises:
        NotChecked: there is no such shop, or Postgres has no address.
    """
    try:
        found = asyncio.run(_run(Settings(), slug))
    except EngineNotConfigured as fault:
        raise NotChecked(str(fault)) from fault
    lines = [line for name, verdict in found.items() for line in _told(name, verdict)]
    return lines, not any(verdict.faults for verdict in found.values())


def _told(name: str, verdict: Verdict) -> list[str]:
    head = (
        f"{name}: {verdict.entries} entries, {verdict.waiting} waiting, signed up to {verdict.signed_to} "
        f"by {verdict.checkpoints} checkpoints: {'whole' if not verdict.faults else 'NOT WHOLE'}"
    )
    faults = [
        f"  {fault.kind} at {fault.seq}{f' ({fault.entry_id})' if fault.entry_id else ''}: {fault.detail}"
        for fault in verdict.faults
    ]
    return [head, *faults]


async def _run(settings: Settings, slug: str | None) -> dict[str, Verdict]:
    database = Database.of(settings, pool_size=1)
    try:
        async with database.transaction(None) as session:
            shops = {shop.slug: shop for shop in await tenancy.all_shops(session)}
        if slug is not None and slug not in shops:
            raise NotChecked(f"There is no shop {slug!r}; there are: {', '.join(shops) or 'none'}.")
        found = {}
        for shop in shops.values() if slug is None else [shops[slug]]:
            async with database.tx(shop.id, read_only=True) as tx:
                found[shop.slug] = await verifying.verify(tx, settings)
        return found
    finally:
        await database.close()
