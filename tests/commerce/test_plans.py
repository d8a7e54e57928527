"""Plans: what they allow is enforced where it is made, and what is used is counted exactly."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
from pydantic import SecretStr

from commerce.catalog import adding
from commerce.catalog.adding import NewProduct
from commerce.plans import book, metering, service
from commerce.plans.catalogue import ENTERPRISE, PLANS, STARTER, Metric
from commerce.plans.service import PlanLimitReached, UnknownOverride, UnknownPlan
from foundation import clients, clock
from foundation.database import Database
from foundation.settings import Settings
from tests.commerce.conftest import Browser
from tests.factories import SeededShop
from tests.relays import PatientRelay
from tradewind import plans as command
from tradewind.data import room

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls


@pytest.fixture
def database(app: Any) -> Database:
    database: Database = app.state.core.database
    return database


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A standing that was read is read again for the next request, which waits for it."""
    of, forget = book.Book.of, book.Book.forget

    async def anew(self: book.Book, database: Database, tenant_id: Any) -> Any:
        forget(self, tenant_id)
        return await of(self, database, tenant_id)

    monkeypatch.setattr(book.Book, "of", anew)


async def test_a_shop_without_a_plan_has_the_first(database: Database, grocer: SeededShop) -> None:
    async with database.tx(grocer.id) as tx:
        standing = await service.standing(tx)
    assert (standing.plan, standing.orders) == (STARTER, 0)


async def test_what_is_agreed_with_a_shop_stands_in_place_of_its_plans_limits(
    database: Database, grocer: SeededShop
) -> None:
    async with database.tx(grocer.id) as tx:
        await service.put(tx, "professional", {"products": 7, "requests": 9})
        await service.put(tx, "enterprise")
        plan = (await service.standing(tx)).plan
    assert (plan.code, plan.limit(Metric.PRODUCTS), plan.limit(Metric.STAFF)) == ("enterprise", 7, None)
    assert (plan.requests.per_second, plan.requests.burst) == (9, 90)
    assert plan.price == ENTERPRISE.price


async def test_unknown_plans_and_overrides_are_refused(database: Database, grocer: SeededShop) -> None:
    async with database.tx(grocer.id) as tx:
        with pytest.raises(UnknownPlan):
            await service.put(tx, "gold")
        for override in ({"sheep": 1}, {"products": 0}):
            with pytest.raises(UnknownOverride):
                await service.put(tx, "starter", override)


async def test_another_shop_has_a_plan_of_its_own(database: Database, grocer: SeededShop, fashion: SeededShop) -> None:
    async with database.tx(grocer.id) as tx:
        await service.put(tx, "enterprise")
    async with database.tx(fashion.id) as tx:
        assert (await service.standing(tx)).plan == STARTER


async def test_there_is_room_up_to_the_limit_and_the_refusal_names_plan_and_limit(
    database: Database, grocer: SeededShop
) -> None:
    async with database.tx(grocer.id) as tx:
        await service.make_room(tx, Metric.STAFF, there=2)
        with pytest.raises(PlanLimitReached) as refused:
            await service.make_room(tx, Metric.STAFF, there=3)
        await service.put(tx, "enterprise")
        await service.make_room(tx, Metric.STAFF, there=10_000)
    assert refused.value.members() == {"metric": "staff", "limit": 3, "plan": "starter"}
    assert (refused.value.status, refused.value.code) == (402, "plans.limit_reached")


async def test_of_two_who_take_the_last_room_at_once_one_gets_it(database: Database, grocer: SeededShop) -> None:
    taken: list[int] = [0]

    async def take() -> None:
        async with database.tx(grocer.id) as tx:
            await service.alone(tx, Metric.PRODUCTS)
            there = taken[0] + 999
            await service.make_room(tx, Metric.PRODUCTS, there=there)
            await asyncio.sleep(0.05)
            taken[0] += 1

    outcomes = await asyncio.gather(take(), take(), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "PlanLimitReached"]


async def test_beyond_its_cap_no_checkout_begins_and_nothing_is_reserved(
    database: Database, browser: Browser, grocer: SeededShop, rows: Any
) -> None:
    first, second = await browser.cart(), await browser.cart()
    for cart in (first, second):
        await browser.add(cart, grocer.products[0].variant_id)
    async with database.tx(grocer.id) as tx:
        await service.put(tx, "starter", {"orders_cap": 1})
    assert (await browser.complete(first)).status_code == 201
    kept = rows("SELECT count(*) FROM reservation")

    refused = await browser.complete(second)

    assert (refused.status_code, refused.json()["code"]) == (403, "plans.orders_exhausted"), "at once, not when counted"
    assert rows("SELECT count(*) FROM reservation") == kept
    async with database.tx(grocer.id) as tx:
        await service.put(tx, "starter", {"orders_cap": 2})
    assert (await browser.complete(second)).status_code == 201, "with the same key: nothing was claimed"


async def test_a_cap_that_is_far_away_costs_a_checkout_no_statement(database: Database, grocer: SeededShop) -> None:
    remembered = book.Book()
    async with database.tx(grocer.id) as tx:
        await service.put(tx, "starter", {"orders_cap": 100_000})
    known = await remembered.at_checkout(database, grocer.id)
    assert (known.left, await remembered.at_checkout(database, grocer.id) is known) == (100_000, True)
    async with database.tx(grocer.id) as tx:
        await service.put(tx, "starter", {"orders_cap": 3})
    remembered.forget(grocer.id)
    known = await remembered.at_checkout(database, grocer.id)
    assert (known.left, await remembered.at_checkout(database, grocer.id) is known) == (3, False)


async def test_beyond_what_the_plan_includes_orders_go_on(
    database: Database, browser: Browser, grocer: SeededShop
) -> None:
    async with database.tx(grocer.id) as tx:
        await metering.write(tx, [(Metric.ORDERS, clock.now().date(), 100_000)], at=clock.now())
    cart = await browser.cart()
    await browser.add(cart, grocer.products[0].variant_id)
    assert (await browser.complete(cart)).status_code == 201


async def test_a_shop_invites_no_more_people_than_its_plan_has_room_for(
    boss: httpx.AsyncClient, database: Database, grocer: SeededShop
) -> None:
    async def invite(number: int) -> httpx.Response:
        body = {"email": f"person{number}@example.org", "roles": ["analyst"]}
        return await boss.post("/v1/admin/staff", json=body)

    assert [(await invite(number)).status_code for number in range(2)] == [201, 201]
    refused = await invite(2)
    assert (refused.status_code, refused.json()["code"]) == (402, "plans.limit_reached")
    assert (refused.json()["metric"], refused.json()["limit"], refused.json()["plan"]) == ("staff", 3, "starter")
    async with database.tx(grocer.id) as tx:
        await service.put(tx, "professional")
    assert (await invite(2)).status_code == 201


@pytest.fixture
def streamed(database_urls: DatabaseUrls, clickhouse_database: str, valkey_url: str) -> Settings:
    return Settings(
        _env_file=None,
        database_url=SecretStr(database_urls.app),
        database_relay_url=SecretStr(database_urls.relay),
        clickhouse_url=SecretStr(clickhouse_database),
        redis_url=SecretStr(valkey_url),
    )


async def test_what_is_metered_is_what_the_tables_say_however_often_events_are_delivered(
    database: Database, browser: Browser, grocer: SeededShop, streamed: Settings, rows: Any
) -> None:
    for number in range(3):
        cart = await browser.cart()
        await browser.add(cart, grocer.products[number].variant_id)
        assert (await browser.complete(cart, key=f"key-{number}")).status_code == 201
    told = rows("SELECT * FROM outbox")
    relay = PatientRelay.connect(streamed)
    events = await clients.clickhouse_async(streamed)
    assert relay.deliver() == len(told)
    await metering.meter(database, events)
    await events.command("INSERT INTO events SELECT * FROM events")  # all of it is delivered again
    assert await _delivered(events) == 6
    for _ in range(2):
        await metering.meter(database, events)
    orders = rows("SELECT count(*) FROM orders")[0][0]
    assert rows("SELECT metric, quantity FROM usage") == [("orders", orders)]
    async with database.tx(grocer.id) as tx:
        assert (await service.standing(tx)).orders == orders == 3
    relay.close()
    await events.close()


async def _delivered(events: Any) -> int:
    found = await events.query("SELECT count() FROM events WHERE name = 'order.placed'")
    return int(found.result_rows[0][0])


async def test_a_count_that_is_older_does_not_overwrite_one_that_is_newer(
    database: Database, grocer: SeededShop, rows: Any
) -> None:
    day, now = date(2026, 5, 1), clock.now()
    async with database.tx(grocer.id) as tx:
        await metering.write(tx, [(Metric.ORDERS, day, 9)], at=now)
        await metering.write(tx, [(Metric.ORDERS, day, 7)], at=now - timedelta(seconds=1))
    assert rows("SELECT quantity FROM usage") == [(9,)]


@pytest.mark.parametrize(
    ("now", "first"),
    [
        (datetime(2026, 5, 20, tzinfo=UTC), date(2026, 5, 1)),
        (datetime(2026, 5, 3, 23, tzinfo=UTC), date(2026, 4, 1)),
        (datetime(2026, 5, 4, tzinfo=UTC), date(2026, 5, 1)),
    ],
)
def test_a_month_is_counted_until_it_is_settled(now: datetime, first: date) -> None:
    assert metering.open_since(now) == first


def test_each_plan_allows_more_than_the_one_before() -> None:
    for less, more in zip(list(PLANS.values())[:-1], list(PLANS.values())[1:], strict=True):
        assert less.price.amount < more.price.amount
        assert less.requests.per_second < more.requests.per_second
        for metric in Metric:
            smaller, larger = less.limit(metric), more.limit(metric)
            assert smaller is not None
            assert larger is None or smaller < larger


def test_an_operator_gives_a_shop_a_plan(
    database_urls: DatabaseUrls, grocer: SeededShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADEWIND_DATABASE_URL", database_urls.app)
    assert command.say("grocer", None, ()).startswith("grocer: Starter; products 1000,")
    said = command.say("grocer", "professional", ["products=5", "requests=7"])
    assert said == "grocer: Professional; products 5, orders 10000, staff 25; 7 requests a second."
    for slug, code, agreed in (("nobody", None, ()), ("grocer", "gold", ()), ("grocer", None, ("products=many",))):
        with pytest.raises(command.NoPlan):
            command.say(slug, code, agreed)


async def _add(database: Database, shop: SeededShop, many: int, mark: str) -> None:
    async with database.tx(shop.id) as tx:
        await adding.add(tx, [NewProduct(f"{mark}-{number}", f"{mark} {number}") for number in range(many)])


async def test_a_shop_has_no_more_products_than_its_plan_has_room_for(
    database: Database, grocer: SeededShop, fashion: SeededShop, rows: Any
) -> None:
    (before,) = rows("SELECT count(*) FROM product")[0]
    async with database.tx(grocer.id) as tx:
        await service.put(tx, "starter", {"products": before + 3})
    with pytest.raises(PlanLimitReached) as refused:
        await _add(database, grocer, 4, "many")
    assert refused.value.members() == {"metric": "products", "limit": before + 3, "plan": "starter"}
    assert rows("SELECT count(*) FROM product") == [(before,)]
    await _add(database, grocer, 3, "few")
    await _add(database, fashion, 4, "many")
    with pytest.raises(PlanLimitReached):
        await _add(database, grocer, 1, "one")


async def test_of_several_who_add_the_last_product_at_once_one_does(
    database: Database, grocer: SeededShop, rows: Any
) -> None:
    (before,) = rows("SELECT count(*) FROM product")[0]
    async with database.tx(grocer.id) as tx:
        await service.put(tx, "starter", {"products": before + 1})
    outcomes = await asyncio.gather(
        *(_add(database, grocer, 1, f"of {number}") for number in range(4)), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType"] + ["PlanLimitReached"] * 3
    assert rows("SELECT count(*) FROM product") == [(before + 1,)]


def test_what_is_loaded_must_have_room_too(database_urls: DatabaseUrls, grocer: SeededShop) -> None:
    with psycopg.connect(database_urls.app) as connection:
        connection.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(grocer.id),))
        (there,) = connection.execute("SELECT count(*) FROM product").fetchone() or (0,)
        for limit, fits in ((there, True), (there - 1, False)):
            connection.execute(
                "INSERT INTO tenant_plan (tenant_id, id, code, overrides) VALUES (%s, gen_random_uuid(), 'starter', %s)"
                " ON CONFLICT (tenant_id) DO UPDATE SET overrides = excluded.overrides",
                (grocer.id, json.dumps({"products": limit})),
            )
            room.alone(connection, grocer.id)
            if fits:
                room.require(connection, grocer.id)
            else:
                with pytest.raises(room.NoRoom, match="Starter has room for"):
                    room.require(connection, grocer.id)
