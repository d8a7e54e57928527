"""The marts and the books say the same to the cent, whatever was done to orders."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as trying
from hypothesis.stateful import run_state_machine_as_test
from pydantic import SecretStr

from commerce.cart import checking
from commerce.taxes import service as taxes
from commerce.taxes.declaring import declare
from commerce.taxes.schemas import PolicyIn
from foundation import clients, clock
from foundation.database import Database
from foundation.settings import Settings
from pipelines.marts import products
from pipelines.marts.building import build
from pipelines.marts.reconciling import COMPARISONS, reconcile
from tests.commerce.test_order_machine import ShopMachine, discounted
from tests.factories import SeededShop, seed_shop
from tests.relays import PatientRelay

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

WALKS = 2
"""Shops in which things are bought with discounts, taxes and gift cards, and edited, cancelled, returned and refunded."""


def test_marts_and_books_differ_by_nothing(
    database_urls: DatabaseUrls, clickhouse_database: str, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "compute", discounted)
    shops: list[SeededShop] = []
    loop = asyncio.new_event_loop()
    database = Database(database_urls.app, pool_size=2)
    settings = Settings(
        _env_file=None,
        database_url=SecretStr(database_urls.app),
        database_relay_url=SecretStr(database_urls.relay),
        clickhouse_url=SecretStr(clickhouse_database),
        redis_url=SecretStr(valkey_url),
    )

    def open_shop() -> SeededShop:
        titles = ("Tomato soup", "Orange juice", "Rye bread", "Lunch box")
        shops.append(seed_shop(database_urls, f"shop-{len(shops)}", stock=12, titles=titles))
        return shops[-1]

    try:
        _walk(database, loop, open_shop)
        later = clock.now() + timedelta(days=300)  # than any day that has passed in a shop
        with clock.use(lambda: later):
            loop.run_until_complete(_declare_all(database, shops))
        relay = PatientRelay.connect(settings)
        relay.deliver_all()
        relay.close()
        moved = set()
        for shop in shops:
            build(settings, shop.id, ["orders", "order_lines", "daily_sales", "tax", "vendor_sales"])
            for about in COMPARISONS:
                found = reconcile(settings, shop.id, about, whole=True)
                assert found is not None
                assert found.agrees, (about, found.differences)
                moved |= {(about, name) for sums in found.in_marts.values() for name in found.names if any(sums)}
        assert {about for about, _ in moved} == set(COMPARISONS)
        assert _products_are_called_as_in_the_catalogue(settings, shops[0], database_urls)
        assert _a_cent_too_much_is_seen(settings, shops)
    finally:
        loop.run_until_complete(database.close())
        loop.close()


def _walk(database: Database, loop: asyncio.AbstractEventLoop, open_shop: Callable[[], SeededShop]) -> None:
    class Here(ShopMachine):
        def stock_up(self) -> None:
            self.attempt(lambda: self.change(lambda tx: taxes.set_policy(tx, PolicyIn(included=False, country="DE"))))
            super().stock_up()

    Here.database, Here.loop, Here.new_shop = database, loop, staticmethod(open_shop)
    run_state_machine_as_test(
        Here,
        settings=trying(
            max_examples=WALKS,
            stateful_step_count=40,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


async def _declare_all(database: Database, shops: list[SeededShop]) -> None:
    for shop in shops:
        for _ in count():
            async with database.tx(shop.id) as tx:
                if not await declare(tx):
                    break


def _products_are_called_as_in_the_catalogue(settings: Settings, shop: SeededShop, urls: DatabaseUrls) -> bool:
    copied = products.copy(settings, shop.id)
    with psycopg.connect(urls.app) as app:
        app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(shop.id),))
        app.execute("UPDATE product SET title = 'Leek soup' WHERE title = 'Tomato soup'")
        app.execute("UPDATE product SET vendor_id = NULL")
    assert products.copy(settings, shop.id) == copied == len(shop.products)
    client = clients.clickhouse(settings)
    rows = client.query("SELECT title, department, vendor FROM mart_products FINAL ORDER BY title").result_rows
    client.close()
    return [row[0] for row in rows] == ["Leek soup", "Lunch box", "Orange juice", "Rye bread"] and {
        row[1:] for row in rows
    } == {("Pantry", "")}


def _a_cent_too_much_is_seen(settings: Settings, shops: list[SeededShop]) -> bool:
    client = clients.clickhouse(settings)
    client.command(
        "ALTER TABLE mart_daily_sales UPDATE refunded = refunded + 1 WHERE captured > 0", settings={"mutations_sync": 2}
    )
    client.close()
    found = [reconcile(settings, shop.id, "money", whole=True) for shop in shops]
    return any(one is not None and not one.agrees for one in found)
