"""The demo's till: orders of some days ago, and the bank's reports of them compared, once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import psycopg

from foundation.database import Database
from foundation.settings import Settings
from tests.commerce.invariants import all_faults
from tests.factories import seed_shop
from tradewind.data.trading import SALES, trade

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

KINDS = "SELECT kind, count(*) FROM reconciliation_exception WHERE resolved_at IS NULL GROUP BY kind"
PAID = "SELECT count(*) FROM payment WHERE status = 'captured'"


def test_a_demo_has_sales_to_compare_and_exceptions_to_explain(database_urls: DatabaseUrls) -> None:
    shop = seed_shop(database_urls, "grocer")
    settings = Settings(_env_file=None, database_url=database_urls.app)

    def rows(statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(database_urls.app) as connection:
            connection.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(shop.id),))
            return connection.execute(statement).fetchall()

    for _ in range(2):  # a step that failed half-way is run again
        trade(settings, "grocer")
        assert rows(PAID) == [(len(SALES),)]
        assert dict(rows(KINDS)) == {"missing_at_provider": 1, "amount_differs": 1, "fee_differs": 1, "unknown": 1}

    async def faults() -> list[str]:
        database = Database(database_urls.app, pool_size=1)
        try:
            return await all_faults(database, shop)
        finally:
            await database.close()

    assert asyncio.run(faults()) == []
