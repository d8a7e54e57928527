"""The made-up shop is a shop, and what is recorded of it runs in pgbench with the ids of any visitor."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from foundation.settings import Settings
from tradewind.bench import core, pgbench, shop
from tradewind.bench.core import Core
from tradewind.bench.made import VARIANT, VARIANTS, MadeShop
from tradewind.engines.postgres import SUPERUSER

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls, RunPostgres


@pytest.fixture
def bench(database_urls: DatabaseUrls, postgres_server: RunPostgres, monkeypatch: pytest.MonkeyPatch) -> Core:
    """A small shop, its orders spread over a few products, without web workers."""
    monkeypatch.setattr(core, "BOUGHT", 20)
    database = urlsplit(database_urls.app).path.strip("/")
    made = MadeShop(postgres_server.url(SUPERUSER, database), database_urls.owner, products=400)
    made.load()
    settings = Settings(_env_file=None, database_url=database_urls.app)
    asyncio.run(core._open_for_orders(settings, made))
    return Core(settings, made, ports=[0], api=[], postgres=0, seconds=1)


def test_every_balance_of_the_made_up_shop_follows_from_its_movements(bench: Core) -> None:
    units = bench.made.ask("SELECT sum(available), sum(received) FROM stock")
    moved = bench.made.ask("SELECT sum(quantity), sum(quantity) FROM stock_movement WHERE kind = 'receive'")
    (nowhere,) = bench.made.ask("SELECT count(*) FROM product WHERE category_id IS NULL")
    (several,) = bench.made.ask("SELECT count(*) FROM (SELECT FROM variant GROUP BY product_id HAVING count(*) > 1) v")

    assert units == moved
    assert nowhere == 0
    assert several == 266


def test_orders_are_placed_from_prepared_carts_by_the_api_and_by_pgbench(bench: Core) -> None:
    visit = bench._prepare(1, among=core.BOUGHT)
    recording, made_up = asyncio.run(shop.record_placing(bench.settings, bench._visitor(visit)))
    script = recording.script(
        known={bench.made.shop.id},
        made_up=made_up,
        chosen=bench._alike(visit, visit % core.BOUGHT),
        choose=core._next_visit(core.BOUGHT),
    )
    for one in (script, core._five_statements(bench.made.shop.id)):
        base = {"base": bench._prepare(40, among=core.BOUGHT), "turn": -1, "each": 20}
        pgbench.run(bench.url, [one], clients=2, each=20, given=base)

    carts = bench.made.ask("SELECT count(*) FILTER (WHERE status = 'completed'), count(DISTINCT id) FROM cart")
    reserved = bench.made.ask("SELECT sum(reserved) FROM stock")
    lines = bench.made.ask("SELECT count(*), count(DISTINCT variant_id) FROM order_line")
    (open_to_read,) = bench.made.ask("SELECT count(*) FROM cart WHERE NOT starts_with(address->>'line1', 'p1:')")

    assert open_to_read == 0
    assert carts == (41, 81)
    assert reserved == (81,)
    assert lines == (81, core.BOUGHT)


def test_additions_of_pgbench_go_into_the_carts_of_its_visitors(bench: Core) -> None:
    visit = bench._prepare(1)
    recording, _ = asyncio.run(shop.record_adding(bench.settings, bench._visitor(visit), VARIANT.id(0)))
    script = recording.script(known={bench.made.shop.id}, chosen=bench._alike(visit, 0), choose=core._some_line())

    pgbench.run(bench.url, [script], clients=2, each=30, given={"base": bench._prepare(2)})

    carts = bench.made.ask("SELECT count(DISTINCT cart_id), sum(quantity) FROM cart_line")
    variants = bench.made.ask("SELECT count(DISTINCT variant_id) FROM cart_line")
    assert carts == (3, 61)
    assert variants[0] in range(3, 2 * core.IN_A_CART + 1)


def test_whole_orders_of_pgbench_are_of_many_products(bench: Core) -> None:
    recording, made_up = asyncio.run(shop.record_ordering(bench.settings, VARIANT.id(0)))
    script = recording.script(
        known={bench.made.shop.id}, made_up=made_up, chosen=core._any_product(), choose=core._some_product()
    )

    pgbench.run(bench.url, [script], clients=2, each=20)

    lines = bench.made.ask("SELECT count(*) FROM order_line")
    (variants,) = bench.made.ask("SELECT count(DISTINCT variant_id) FROM order_line")
    assert lines == (41,)
    assert variants > core.BOUGHT / 4  # type: ignore[operator]
    assert VARIANTS > 1
