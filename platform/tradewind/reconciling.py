"""`tradewind reconcile`: compare what providers settled on a day with a shop's books."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date

import commerce.tables  # noqa: F401  (a table of one context refers to those of others)
from commerce.payments.providers import ReportsSettlements, configured
from commerce.payments.providers.registry import close as close_providers
from commerce.payments.reconciliation.service import Summary, reconcile, yesterday
from commerce.tenancy import service as tenancy
from foundation.database import Database
from foundation.errors import Problem
from foundation.settings import EngineNotConfigured, Settings
from tradewind.errors import StackError


class NotReconciled(StackError):
    """The day can't be compared."""


def run(slug: str, *, day: date | None, provider: str | None) -> Iterator[str]:
    """A line for each provider that reports, or for the one named; yesterday, unless another day is given.

    Raises:
        NotReconciled: there is no such shop or provider, the day is not over, or somebody does not answer.
    """
    try:
        found = asyncio.run(_run(Settings(), slug, day, provider))
    except (EngineNotConfigured, Problem) as fault:
        raise NotReconciled(str(fault)) from fault
    for name, summary in found.items():
        yield f"{name}: {summary.lines} lines, {summary.new} new, {summary.exceptions} new exceptions"


async def _run(settings: Settings, slug: str, day: date | None, provider: str | None) -> dict[str, Summary]:
    database = Database.of(settings, pool_size=2)
    try:
        async with database.transaction(None) as session:
            shops = {shop.slug: shop for shop in await tenancy.all_shops(session)}
        if slug not in shops:
            raise NotReconciled(f"There is no shop {slug!r}; there are: {', '.join(shops) or 'none'}.")
        providers, tenant_id = configured(database, settings), shops[slug].id
        asked = [providers.named(provider)] if provider else await providers.offered_by(tenant_id)
        return {
            one.name: await reconcile(database, one, tenant_id, day or yesterday())
            for one in asked
            if provider or isinstance(one, ReportsSettlements)
        }
    finally:
        await close_providers(database)
        await database.close()
