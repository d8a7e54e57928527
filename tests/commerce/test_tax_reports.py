"""What is declared: by period, scheme, destination and rate, and to the last minor unit what the ledger says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import httpx
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.cart import service as carts
from commerce.delivery import service as delivery
from commerce.delivery.schemas import AddressIn, MethodIn
from commerce.orders import cancelling
from commerce.orders.shipping import refund_shipping
from commerce.taxes import declaring, reporting
from commerce.taxes import service as taxes
from commerce.taxes.declared import Amounts, Charged, Kind, declared, still_to_declare
from commerce.taxes.reporting import BadPeriod, window
from commerce.taxes.schemas import PolicyIn, RateIn, RatesIn
from foundation import clock
from foundation.database import Database, Tx
from tests.commerce.desk import STAFF, Desk
from tests.commerce.invariants import all_faults
from tests.factories import seed_shop

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

AUTUMN = datetime(2026, 11, 10, 12, tzinfo=UTC)
SPRING = datetime(2027, 2, 10, 12, tzinfo=UTC)
POSTAL = {"AT": "1010", "DE": "10115", "CH": "8001"}
ADDRESS = {"name": "Ada", "line1": "Ring 1", "postal_code": "1010", "city": "Wien", "country": "AT"}

_kinds = st.sampled_from(
    [Kind("AT", "oss", "VAT", "0.2"), Kind("AT", "oss", "VAT", "0.1"), Kind("CH", "export", "Tax", "0")]
)


@st.composite
def charges(draw: st.DrawFn) -> list[Charged]:
    found = []
    for kind in draw(st.lists(_kinds, min_size=1, max_size=5)):
        gross = draw(st.integers(0, 10_000))
        found.append(Charged(kind, gross, draw(st.integers(0, gross)), draw(st.integers(0, gross))))
    return found


@given(charges(), st.integers(0, 50_000))
def test_what_is_declared_is_all_of_the_money_and_nothing_else(charged: list[Charged], money: int) -> None:
    found = declared(charged, money)
    assert sum(amounts.taxable + amounts.tax for amounts in found.values()) == money


@given(charges(), st.lists(st.integers(0, 50_000), max_size=4))
def test_entries_add_up_to_what_holds_after_the_last(charged: list[Charged], moneys: list[int]) -> None:
    said: dict[Kind, Amounts] = {}
    for money in [*moneys, 0]:
        now = declared(charged, money)
        for kind, more in still_to_declare(now, said).items():
            was = said.get(kind, Amounts())
            said[kind] = Amounts(was.taxable + more.taxable, was.tax + more.tax)
    assert set(said.values()) <= {Amounts()}


@pytest.mark.parametrize(
    ("period", "begins", "ends"),
    [
        ("2026-Q4", datetime(2026, 9, 30, 22, tzinfo=UTC), datetime(2026, 12, 31, 23, tzinfo=UTC)),
        ("2026-10", datetime(2026, 9, 30, 22, tzinfo=UTC), datetime(2026, 10, 31, 23, tzinfo=UTC)),
        ("2026-12", datetime(2026, 11, 30, 23, tzinfo=UTC), datetime(2026, 12, 31, 23, tzinfo=UTC)),
    ],
)
def test_a_period_begins_and_ends_by_the_shops_clocks(period: str, begins: datetime, ends: datetime) -> None:
    assert window(period, ZoneInfo("Europe/Berlin")) == (begins, ends)


@pytest.mark.parametrize("period", ["", "2026", "2026-Q5", "2026-13", "2026-00", "1999-Q1", "9999-12", "2026-Q1 "])
def test_what_is_no_period_is_refused(period: str) -> None:
    with pytest.raises(BadPeriod):
        window(period, ZoneInfo("UTC"))


@pytest.fixture(params=[True, False], ids=["included", "on top"])
async def desk(request: pytest.FixtureRequest, database_urls: DatabaseUrls) -> AsyncIterator[Desk]:
    """A shop in Germany that sends to Austria, where food has a rate of its own, and anywhere."""
    database = Database(database_urls.app, pool_size=4)
    desk = await Desk.at(database, seed_shop(database_urls, "export", titles=("Radio", "Honey", "Lamp")))
    async with database.tx(desk.shop.id) as tx:
        await tx.connection.execute("UPDATE product SET tax_class = 'food' WHERE handle = 'honey'")
        await taxes.set_policy(tx, PolicyIn(included=request.param, country="DE"))
        for country, standard, food in (("DE", "0.19", "0.07"), ("AT", "0.2", "0.1")):
            rates = [RateIn(name="VAT", rate=standard), RateIn(name="VAT", rate=food, tax_class="food")]  # type: ignore[arg-type]
            await taxes.set_rates(tx, country, RatesIn(rates=rates))
        await delivery.put(tx, "post", MethodIn(name="Post", price=490))
    yield desk
    assert await all_faults(database, desk.seeded) == []
    await database.close()


async def _do(desk: Desk, do: Callable[[Tx], Awaitable[Any]]) -> Any:
    async with desk.database.tx(desk.shop.id) as tx:
        return await do(tx)


async def _order(desk: Desk, country: str, *quantities: int) -> Any:
    shopper = await desk.shopper()
    cart_id = await desk.cart(shopper, quantities)
    async with desk.database.tx(desk.shop.id) as tx:
        await carts.set_address(
            tx, shopper, cart_id, AddressIn(**{**ADDRESS, "country": country, "postal_code": POSTAL[country]})
        )
        await carts.set_delivery(tx, shopper, cart_id, "post")
    return await desk.look((await desk.pay(shopper, cart_id)).id)


async def _report(desk: Desk, period: str) -> dict[tuple[str, str, str], tuple[int, int]]:
    """(taxable, tax) by scheme, country and rate."""
    await _do(desk, declaring.declare)
    found = await _do(desk, lambda tx: reporting.report(tx, period, ZoneInfo("UTC")))
    return {(row.scheme, row.country, row.rate): (row.taxable, row.tax) for row in found.rows}


async def _ledger(desk: Desk, begins: datetime, ends: datetime) -> int:
    """What came in less what was given back."""
    async with desk.database.tx(desk.shop.id) as tx:
        found: int = await tx.connection.fetchval(
            "SELECT -coalesce(sum(amount), 0)::bigint FROM ledger_posting WHERE account IN ('sales', 'refunds')"
            " AND occurred_at >= $1 AND occurred_at < $2",
            begins,
            ends,
        )
    return found


async def test_what_is_declared_is_what_the_ledger_says_to_the_cent(desk: Desk) -> None:
    with clock.use(lambda: AUTUMN):
        orders = [
            await _order(desk, "AT", 1, 2, 0),
            await _order(desk, "DE", 0, 1, 1),
            await _order(desk, "CH", 3, 0, 0),
        ]
        found = await _report(desk, "2026-Q4")

    assert set(found) == {
        ("oss", "AT", "0.2"),
        ("oss", "AT", "0.1"),
        ("domestic", "DE", "0.19"),
        ("domestic", "DE", "0.07"),
        ("export", "CH", "0"),
    }
    for country, order in zip(("AT", "DE", "CH"), orders, strict=True):
        assert sum(tax for (_, to, _), (_, tax) in found.items() if to == country) == order.tax
        of_country = sum(taxable + tax for (_, to, _), (taxable, tax) in found.items() if to == country)
        assert of_country == order.total.amount
    assert sum(map(sum, found.values())) == await _ledger(desk, *window("2026-Q4", ZoneInfo("UTC")))


async def test_what_is_given_back_is_taken_off_where_and_when_it_is_given(desk: Desk) -> None:
    with clock.use(lambda: AUTUMN):
        order = await _order(desk, "AT", 1, 2, 0)
        autumn = await _report(desk, "2026-Q4")
    honey = next(line for line in order.lines if line.title == "Honey")
    with clock.use(lambda: SPRING):
        await _do(desk, lambda tx: cancelling.cancel(tx, order.id, STAFF, reason="x", lines=[(honey.id, 1)]))
        await desk.money.settle(desk.shop.id, order.id)
        await _do(desk, declaring.declare)
        once = await _report(desk, "2027-Q1")
        await _do(desk, lambda tx: refund_shipping(tx, order.id, STAFF, amount=100, reason="late"))
        await desk.money.settle(desk.shop.id, order.id)
        twice = await _report(desk, "2027-Q1")

    taxable, tax = autumn["oss", "AT", "0.1"]
    assert once == {("oss", "AT", "0.1"): (-taxable // 2, -tax // 2)}
    assert set(twice) == {("oss", "AT", "0.1"), ("oss", "AT", "0.2")}
    assert sum(twice["oss", "AT", "0.2"]) == -100
    assert await _report(desk, "2026-Q4") == autumn
    assert sum(map(sum, twice.values())) == await _ledger(desk, *window("2027-Q1", ZoneInfo("UTC")))


async def test_an_order_given_back_whole_leaves_nothing_to_declare(desk: Desk) -> None:
    order = await _order(desk, "AT", 2, 1, 1)
    await _do(desk, declaring.declare)
    await _do(desk, lambda tx: cancelling.cancel(tx, order.id, STAFF, reason="x"))
    await desk.money.settle(desk.shop.id, order.id)

    assert await _report(desk, f"{clock.now():%Y-%m}") == {}


async def test_a_movement_is_declared_once_however_many_workers_come_round(desk: Desk) -> None:
    await _order(desk, "AT", 1, 1, 0)
    counts = await asyncio.gather(*(_do(desk, declaring.declare) for _ in range(4)))
    assert sorted(counts) == [0, 0, 0, 1]


async def test_the_report_is_for_those_who_keep_the_books_and_comes_as_a_file(
    app: Any, staff: httpx.AsyncClient, client: httpx.AsyncClient, rows: Any
) -> None:
    path = "/v1/admin/taxes/report"
    assert (await client.get(path, params={"period": "2026-Q4"})).status_code == 401
    asked = await staff.get(path, params={"period": "2026-Q4", "scheme": "oss"})
    assert (asked.status_code, asked.json()["rows"]) == (200, [])
    bad = await staff.get(path, params={"period": "2026-Q9"})
    assert (bad.status_code, bad.json()["code"]) == (422, "taxes.bad_period")
    written = await staff.get(f"{path}.csv", params={"period": "2026-Q4"})
    assert written.headers["content-type"].startswith("text/csv")
    assert written.text == "scheme,country,name,rate,currency,taxable,tax\r\n"


def test_a_name_that_a_spreadsheet_would_run_is_harmless() -> None:
    row = reporting.TaxReportRow(
        scheme="oss", country="AT", name="=1+1", rate="0.2", currency="EUR", taxable=-100, tax=-20
    )
    found = reporting.TaxReport(period="2026-Q4", begins=AUTUMN, ends=SPRING, rows=[row])
    assert reporting.as_csv(found).splitlines()[1] == "oss,AT,'=1+1,0.2,EUR,-100,-20"


def test_what_is_declared_can_not_be_changed(database_urls: DatabaseUrls) -> None:
    with psycopg.connect(database_urls.owner) as owner, pytest.raises(psycopg.errors.RestrictViolation):
        owner.execute("TRUNCATE tax_entry")
