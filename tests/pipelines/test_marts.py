"""Marts: what each file says is what its table is, and however the events came, a mart is what a clean rebuild makes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import pytest

from foundation import clients, metrics
from foundation.analytics import ShopRows
from foundation.metrics import NotADimension, Question, UnknownMetric
from foundation.settings import Settings
from pipelines.forgetting import forget, kept_of
from pipelines.marts.building import build
from pipelines.marts.definition import MalformedMart, Mart, all_marts, parse
from pipelines.schema import ensure_schema
from tests.pipelines.conftest import TENANT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clickhouse_connect.driver.client import Client

NOON = datetime(2026, 3, 30, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
COLUMNS = (
    "tenant_id",
    "event_id",
    "name",
    "version",
    "occurred_at",
    "recorded_at",
    "aggregate_id",
    "shopper_id",
    "visitor_id",
    "session_id",
    "consent",
    "payload",
    "decision_id",
)
Row = list[Any]
EUROS = '"currency": "EUR"'
VAT = '{"country": "DE", "scheme": "domestic", "name": "VAT", "rate": "0.19", "taxable": 840, "tax": 160}'


def an(what: str) -> UUID:
    """The id of something, by what it is called."""
    return uuid5(TENANT, what)


def event(name: str, at: datetime, about: str, payload: str, *, who: str | None = None, on: str = "laptop") -> Row:
    """A row of the event store; two that say the same are one event delivered twice."""
    shopper = an(who) if who else None
    behaviour = "." not in name
    session = an(f"{on} {at:%d}") if behaviour or name == "order.placed" else None
    event_id = an(f"{name} {at} {about} {payload}")
    seen = an(on) if session else None
    return [TENANT, event_id, name, 1, at, at, an(about), shopper, seen, session, ["analytics"], payload, None]


def line(name: str, quantity: int, price: int, discount: int = 0) -> str:
    """A line of an order."""
    total = quantity * price - discount
    return (
        f'{{"line_id": "{an(name)}", "product_id": "{an("tea")}", "variant_id": "{an("green tea")}", '
        f'"quantity": {quantity}, "unit_price": {price}, "discount": {discount}, "total": {total}, "tax": 0}}'
    )


def placed(order: str, at: datetime, who: str | None, *, total: int = 1_000) -> Row:
    lines = f"[{line(order + ' 1', 2, total // 2)}]"
    payload = (
        f'{{"order_id": "{an(order)}", "currency": "EUR", "subtotal": {total}, "discount": 0, "shipping": 0, '
        f'"tax": 0, "total": {total}, "lines": {lines}}}'
    )
    return event("order.placed", at, order, payload, who=who)


def money(name: str, order: str, at: datetime, amount: int, key: str = "refund_id", what: str = "refund") -> Row:
    payload = f'{{"{key}": "{an(order + what)}", "order_id": "{an(order)}", "amount": {amount}, "currency": "EUR"}}'
    return event(name, at, order, payload)


def seen(
    name: str, at: datetime, *, who: str | None = None, on: str = "laptop", more: str = "", decision: str | None = None
) -> Row:
    items = f'"items": [{{"item_id": "{an("tea")}", "index": 0}}]{more}'
    row = event(name, at, on, f"{{{items}}}", who=who, on=on)
    return [*row[:-1], an(decision) if decision else None]


def fact(name: str, about: str, at: datetime, says: str) -> Row:
    return event(name, at, about, f"{{{says}}}")


def _used(order: str) -> str:
    return f'"code_id": "{an("code")}", "order_id": "{an(order)}"'


def story() -> list[Row]:
    """Four days in a shop: bought, edited, cancelled, sent back, refunded for good and not, disputed, looked at."""
    return [
        placed("first", NOON, "ada"),
        money("payment.captured", "first", NOON, 1_000, "payment_id"),
        placed("second", NOON + DAY, "ada", total=5_000),
        money("payment.captured", "second", NOON + DAY, 5_000, "payment_id"),
        event(
            "order.cancelled",
            NOON + DAY + HOUR,
            "second",
            f'{{"order_id": "{an("second")}", "reason": "late", "whole": true, "lines": [{line("second 1", 2, 0)}]}}',
        ),
        money("payment.refunded", "second", NOON + DAY + HOUR, 5_000),
        money("payment.refunded", "first", NOON + 2 * DAY, 300),
        money("payment.refund_failed", "first", NOON + 3 * DAY, 300),
        placed("guest", NOON + DAY, None, total=700),
        event(
            "order.edited",
            NOON + 2 * DAY,
            "guest",
            f'{{"order_id": "{an("guest")}", "difference": 250, "total": 950, "added": [{line("guest 2", 1, 250)}]}}',
        ),
        money("payment.disputed", "guest", NOON + 3 * DAY, 950, "dispute_id"),
        placed("before", NOON - 20 * DAY, "bo", total=100),
        placed("after", NOON + 2 * DAY, "bo", total=200),
        event("order.delivered", NOON + 3 * DAY, "first", f'{{"order_id": "{an("first")}"}}'),
        fact("order.restated", "second", NOON + DAY + HOUR, f'"total": 5000, "credited": 5000, {EUROS}'),
        fact("tax.declared", "first", NOON, f'"posting_id": "{an("posting")}", {EUROS}, "entries": [{VAT}]'),
        fact("vendor.earned", "vendor", NOON + DAY, f'"earned": 900, "commission": 100, {EUROS}'),
        fact("vendor.earned", "vendor", NOON + 2 * DAY, f'"earned": -450, "commission": -50, {EUROS}'),
        fact("vendor.paid_out", "vendor", NOON + 3 * DAY, f'"amount": 450, {EUROS}'),
        fact("stock.changed", "green tea", NOON, f'"product_id": "{an("tea")}", "available": 2'),
        fact("stock.changed", "green tea", NOON + HOUR, f'"product_id": "{an("tea")}", "available": 0'),
        fact("stock.changed", "green tea", NOON + 2 * DAY, f'"product_id": "{an("tea")}", "available": 9'),
        fact("discount.redeemed", "code", NOON + DAY, f'{_used("second")}, "amount": 50, {EUROS}'),
        fact("discount.released", "code", NOON + DAY + HOUR, _used("second")),
        event("customer.registered", NOON, "ada", f'{{"customer_id": "{an("ada")}"}}', who="ada"),
        event("search", NOON, "laptop", '{"search_term": "Green  tea", "results": 3, "items": []}', who="ada"),
        seen("select_item", NOON + timedelta(minutes=1), who="ada", more=', "item_list_id": "search"'),
        seen("view_item", NOON + timedelta(minutes=2), who="ada"),
        seen("view_item_list", NOON + timedelta(minutes=2), decision="home"),
        seen("add_to_cart", NOON + timedelta(minutes=3), who="ada"),
        seen("view_item", NOON + timedelta(minutes=45), who="ada"),
        seen("view_item", NOON + timedelta(hours=11, minutes=58), on="phone"),
        seen("view_item", NOON + timedelta(hours=12, minutes=2), on="phone"),
        event("search", NOON + DAY, "phone", '{"search_term": "coffee", "results": 0, "items": []}', on="phone"),
    ]


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    client = clients.clickhouse(settings)
    ensure_schema(client)
    yield client
    client.close()


def deliver(client: Client, rows: Sequence[Row]) -> None:
    client.insert("events", rows, column_names=COLUMNS)


def decide(client: Client, what: str) -> None:
    """A decision is logged, later than what it led to."""
    decision = [TENANT, "recommendation", NOON, an(what), "home"]
    client.insert("decisions", [decision], column_names=("tenant_id", "kind", "decided_at", "decision_id", "placement"))


def held(client: Client, mart: Mart, tenant_id: UUID = TENANT) -> list[tuple[Any, ...]]:
    """A mart's rows."""
    order = ", ".join(mart.key)
    query = f"SELECT {', '.join(mart.columns)} FROM {mart.table} FINAL WHERE tenant_id = {{tenant_id:UUID}} ORDER BY {order}"
    return [tuple(row) for row in client.query(query, {"tenant_id": str(tenant_id)}).result_rows]


def told(client: Client, name: str) -> list[dict[str, Any]]:
    """The same, by the names of its columns."""
    mart = all_marts()[name]
    return [dict(zip(mart.columns, row, strict=True)) for row in held(client, mart)]


def empty(client: Client, *, sources: bool = True) -> None:
    """Nothing was ever built; nor, with the sources, has anything happened."""
    made = "SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE 'mart_%'"
    tables = [name for (name,) in client.query(made).result_rows]
    for table in [*tables, *(["events", "decisions"] if sources else [])]:
        client.command(f"TRUNCATE TABLE {table}")


def all_held(client: Client) -> dict[str, list[tuple[Any, ...]]]:
    return {mart.name: held(client, mart) for mart in all_marts().values()}


@pytest.mark.parametrize("tries", [1, pytest.param(20, marks=pytest.mark.proof)])
def test_every_mart_is_what_a_clean_rebuild_makes_however_its_events_came(
    settings: Settings, client: Client, tries: int
) -> None:
    for seed in range(tries):
        chance = random.Random(seed)
        empty(client)
        rows = chance.sample(story(), len(story()))
        cut = chance.randint(5, 30)
        is_the_same_made_anew(settings, client, [rows[:cut], rows[cut - 5 :]])  # some come twice


def is_the_same_made_anew(settings: Settings, client: Client, batches: Sequence[Sequence[Row]]) -> None:
    for batch in batches:
        deliver(client, batch)
        build(settings, TENANT)
    decide(client, "home")
    assert forget(client, TENANT, [an("ada")])["mart_orders"] > 0
    assert kept_of(client, TENANT, [an("ada")]) == set()
    build(settings, TENANT)
    found = all_held(client)
    assert kept_of(client, TENANT, [an("ada")]) == set()
    assert {done.days for done in build(settings, TENANT).values()} == {0}

    empty(client, sources=False)
    build(settings, TENANT)

    assert found == all_held(client)
    assert all(found.values())


def every_metric_can_be_asked_by_all_its_dimensions(client: Client) -> None:
    shop, spring = ShopRows(client, TENANT), partial(Question, since=date(2026, 3, 1), until=date(2026, 4, 30))

    for name, metric in metrics.catalogue().items():
        assert metric.mart in all_marts(), name
        question = spring([name], dimensions=[*metrics.TIMES, *metric.dimensions])
        for statement in metrics.statements(question, limit=1_000):
            assert shop.rows(statement.sql, statement.values) is not None

    months = spring(["revenue", "orders"], dimensions=["month"], filters={"currency": ["EUR"]})
    (asked,) = metrics.statements(months, limit=10)
    assert asked.columns == ["month", "currency", "revenue", "orders"]
    assert [tuple(row) for row in shop.rows(asked.sql, asked.values)] == [
        (date(2026, 3, 1), "EUR", 2_050, 4),
        (date(2026, 4, 1), "EUR", 200, 1),
    ]
    with pytest.raises(NotADimension):
        metrics.statements(spring(["revenue"], dimensions=["product_id"]), limit=10)
    with pytest.raises(UnknownMetric):
        metrics.statements(spring(["1; DROP TABLE events"]), limit=10)


def test_an_order_is_told_to_the_cent_and_every_metric_can_be_asked(settings: Settings, client: Client) -> None:
    deliver(client, story())
    build(settings, TENANT)

    orders = {row["order_id"]: row for row in told(client, "orders")}
    first, second, guest = orders[an("first")], orders[an("second")], orders[an("guest")]
    assert (first["total"], first["captured"], first["refunded"], first["net"]) == (1_000, 1_000, 0, 1_000)
    assert (second["refunded"], second["net"], second["is_cancelled"], second["cancelled_units"]) == (5_000, 0, 1, 2)
    assert (guest["edited"], guest["net"], guest["disputed"], guest["customer_id"]) == (250, 950, 950, an("laptop"))
    assert {name for name in ("first", "second", "guest", "before", "after") if orders[an(name)]["is_first_order"]} == {
        "first",
        "guest",
        "before",
    }
    days = {row["day"]: row for row in told(client, "daily_sales")}
    assert [days[NOON.date() + number * DAY]["refunded"] for number in range(4)] == [0, 5_000, 300, -300]
    assert sum(row["total"] for row in told(client, "order_lines")) == 7_000 + 250
    tea = [row for row in told(client, "product_performance") if row["day"] == NOON.date()]
    assert [sum(row[name] for row in tea) for name in ("choices", "views", "carts", "units", "total")] == [
        1,
        3,
        1,
        2,
        1_000,
    ]
    every_metric_can_be_asked_by_all_its_dimensions(client)


def test_a_file_that_says_too_little_is_no_mart() -> None:
    with pytest.raises(MalformedMart, match="begin with a header"):
        parse("sales", "SELECT 1")
    with pytest.raises(MalformedMart, match="grain"):
        parse("sales", "/*\nabout: Sales\n*/\nSELECT 1")
