"""When things arrive, and windows that are never promised to more orders than there is room for."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from commerce.cart import service as carts
from commerce.cart.consigning import consign
from commerce.cart.schemas import ConsignedUnitsIn, ConsignmentIn
from commerce.delivery import service as delivery
from commerce.delivery import slots
from commerce.delivery.calendar import Calendar, Window
from commerce.delivery.schemas import CalendarIn, MethodIn, SlotChoice, SlotIn
from commerce.delivery.slots import SlotFull
from commerce.orders import cancelling
from commerce.taxes import service as taxes
from commerce.taxes.schemas import PolicyIn, RateIn, RatesIn
from foundation import clock
from foundation.database import Database
from foundation.errors import Problem
from foundation.ids import new_id
from tests.commerce.conftest import Browser
from tests.commerce.desk import STAFF, Desk
from tests.commerce.invariants import all_faults
from tests.factories import SeededShop, seed_shop

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

BERLIN = ZoneInfo("Europe/Berlin")
WEEK = frozenset(range(5))
CHRISTMAS = frozenset({date(2026, 12, 25), date(2026, 12, 26)})
OFFICE = Calendar("Europe/Berlin", WEEK, time(14), CHRISTMAS)


def _berlin(*when: int) -> datetime:
    return datetime(*when, tzinfo=BERLIN)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("ordered", "days", "arrives"),
    [
        # A Wednesday, a minute before and at the cut-off.
        (_berlin(2026, 11, 25, 13, 59), (1, 2), (date(2026, 11, 26), date(2026, 11, 27))),
        (_berlin(2026, 11, 25, 14, 0), (1, 2), (date(2026, 11, 27), date(2026, 11, 30))),
        # On a Friday after it, and on a Saturday at any time: sent on Monday.
        (_berlin(2026, 11, 27, 15), (0, 0), (date(2026, 11, 30), date(2026, 11, 30))),
        (_berlin(2026, 11, 28, 23), (0, 1), (date(2026, 11, 30), date(2026, 12, 1))),
        # Over Christmas, which ends in a weekend.
        (_berlin(2026, 12, 24, 13), (1, 3), (date(2026, 12, 28), date(2026, 12, 30))),
        # 13:30 in UTC is before the cut-off in winter and after it in summer, 14:30 and 15:30 on the shop's clocks.
        (datetime(2026, 1, 14, 12, 30, tzinfo=UTC), (0, 0), (date(2026, 1, 14), date(2026, 1, 14))),
        (datetime(2026, 7, 15, 12, 30, tzinfo=UTC), (0, 0), (date(2026, 7, 16), date(2026, 7, 16))),
        # Late on the eve in UTC, and the next day already where the shop is.
        (datetime(2026, 11, 24, 23, 30, tzinfo=UTC), (0, 0), (date(2026, 11, 25), date(2026, 11, 25))),
    ],
)
def test_arrivals_worked_by_hand(ordered: datetime, days: tuple[int, int], arrives: tuple[date, date]) -> None:
    assert OFFICE.arrival(ordered, *days) == arrives


calendars = st.builds(
    Calendar,
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.one_of(st.none(), st.times().map(lambda at: at.replace(second=0, microsecond=0))),
    st.frozensets(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=20),
)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@given(calendars, moments, st.integers(0, 10), st.integers(0, 10))
def test_what_is_promised_is_on_business_days_and_never_in_the_past(
    calendar: Calendar, now: datetime, least: int, more: int
) -> None:
    sent = calendar.sent_on(now)
    earliest, latest = calendar.arrival(now, least, least + more)
    assert calendar.local(now).date() <= sent <= earliest <= latest
    assert all(map(calendar.works_on, (sent, earliest, latest)))
    business = [sent + timedelta(days=n) for n in range(1, (latest - sent).days + 1)]
    assert sum(map(calendar.works_on, business)) == least + more
    assert calendar.arrival(now + timedelta(minutes=1), least, least + more) >= (earliest, latest)


@given(
    calendars,
    st.dates(date(2026, 1, 1), date(2026, 12, 31)),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.integers(0, 2_000),
    st.integers(-5, 5),
)
def test_a_window_is_open_until_exactly_so_many_minutes_before_it_begins(
    calendar: Calendar, day: date, begins: time, cutoff: int, minutes: int
) -> None:
    window = Window(day.weekday(), begins, time(23, 59), 1, cutoff)
    start, _ = window.on(day, calendar)
    now = start - timedelta(minutes=cutoff - minutes)
    assert window.is_open(day, calendar, now) == (minutes < 0 and day not in calendar.holidays)
    assert not window.is_open(day + timedelta(days=1), calendar, now)


def test_a_window_keeps_its_hours_on_the_shops_clocks_across_daylight_saving() -> None:
    window = Window(5, time(10), time(12), 1, 0)
    utc = [window.on(day, OFFICE)[0].hour for day in (date(2026, 3, 28), date(2026, 4, 4), date(2026, 10, 31))]
    assert utc == [9, 8, 9]


MONDAY = clock.now().date() + timedelta(days=7 - clock.now().date().weekday())


async def _van(desk: Desk, *, capacity: int) -> SlotChoice:
    async with desk.database.tx(desk.shop.id) as tx:
        await delivery.put(tx, "van", MethodIn(name="Van", price=0, kind="collect"))
        (slot,) = await slots.put(tx, "van", [SlotIn(weekday=0, begins=time(10), ends=time(12), capacity=capacity)])
    return SlotChoice(slot_id=slot.id, day=MONDAY)


async def _buy(desk: Desk, chosen: SlotChoice) -> Any:
    shopper = await desk.shopper()
    cart_id = await desk.cart(shopper, [1])
    async with desk.database.tx(desk.shop.id) as tx:
        await carts.set_delivery(tx, shopper, cart_id, "van", chosen)
    return await desk.pay(shopper, cart_id)


async def test_a_window_is_taken_by_no_more_orders_than_there_is_room_for(database_urls: DatabaseUrls) -> None:
    seeded = seed_shop(database_urls, "windows")
    database = Database(database_urls.app, pool_size=6)
    desk = await Desk.at(database, seeded)
    chosen = await _van(desk, capacity=2)
    ends = await asyncio.gather(*(_buy(desk, chosen) for _ in range(6)), return_exceptions=True)
    orders = [end for end in ends if not isinstance(end, BaseException)]
    refused = {end.code for end in ends if isinstance(end, Problem)}
    assert len(orders) == 2
    assert refused <= {"delivery.slot_full", "checkout.requirements_unmet"}
    assert desk.bank.held == {}
    assert len(desk.bank.taken) == 2
    assert await all_faults(database, seeded) == []

    # What a whole cancellation gives back is another's to take; a part of one gives nothing back.
    async with database.tx(seeded.id) as tx:
        await cancelling.cancel(tx, orders[0].id, STAFF, reason="x")
    await desk.money.settle(seeded.id, orders[0].id)
    assert (await _buy(desk, chosen)).delivery.slot.day == MONDAY
    assert await all_faults(database, seeded) == []
    await database.close()


async def test_what_was_checked_can_be_kept_while_a_payment_waits(database_urls: DatabaseUrls) -> None:
    seeded = seed_shop(database_urls, "windows")
    database = Database(database_urls.app, pool_size=2)
    desk = await Desk.at(database, seeded)
    chosen = await _van(desk, capacity=2)
    shopper = await desk.shopper()
    cart_id = await desk.cart(shopper, [2])
    async with database.tx(seeded.id) as tx:
        calendar = CalendarIn(zone="Europe/Berlin", working_days=[1], cutoff=time(14), holidays=[MONDAY])
        await delivery.set_calendar(tx, calendar)
        await taxes.set_policy(tx, PolicyIn(included=False, country="DE"))
        await taxes.set_rates(tx, "DE", RatesIn(rates=[RateIn(name="VAT", rate=Decimal("0.19"))]))
        (line,) = (await carts.get(tx, shopper, cart_id)).lines
        one = [ConsignedUnitsIn(line_id=line.id, quantity=1)]
        parts = [ConsignmentIn(delivery="van", slot=chosen, lines=one), ConsignmentIn(delivery="van", lines=one)]
        await consign(tx, shopper, cart_id, parts)
        checked = carts.check(await carts.get(tx, shopper, cart_id))
    kept = TypeAdapter(carts.Checked)
    again = kept.validate_json(kept.dump_json(checked))
    assert (again.cart.where, again.totals) == (checked.cart.where, checked.totals)
    assert kept.dump_json(again) == kept.dump_json(checked)
    await database.close()


async def test_places_of_one_window_taken_at_once_are_never_more_than_its_capacity(database_urls: DatabaseUrls) -> None:
    seeded = seed_shop(database_urls, "windows")
    database = Database(database_urls.app, pool_size=8)
    desk = await Desk.at(database, seeded)
    chosen = await _van(desk, capacity=3)

    async def take() -> str:
        try:
            async with database.tx(seeded.id) as tx:
                await slots.take(tx, new_id(), [(chosen.slot_id, chosen.day)])
        except SlotFull as full:
            return full.code
        return "taken"

    ends = await asyncio.gather(*(take() for _ in range(8)))
    assert sorted(ends) == ["delivery.slot_full"] * 5 + ["taken"] * 3
    await database.close()


@pytest.fixture
async def van(staff: httpx.AsyncClient) -> None:
    calendar = {"zone": "Europe/Berlin", "working_days": [0, 1, 2, 3, 4], "cutoff": "14:00", "holidays": []}
    assert (await staff.put("/v1/admin/delivery-calendar", json=calendar)).status_code == 200
    place = {"name": "Shop", "line1": "Main St 1", "city": "Berlin", "opening_hours": ["Mon to Fri 9 to 18"]}
    collect = {"name": "Collect", "kind": "collect", "price": 0, "place": place}
    for code, body in (("van", {"name": "Van", "price": 300, "kind": "collect"}), ("collect", collect)):
        assert (await staff.put(f"/v1/admin/delivery-methods/{code}", json=body)).status_code == 200
    windows = [
        {"weekday": day, "begins": "10:00", "ends": "12:00", "capacity": 1, "cutoff_minutes": 60} for day in range(7)
    ]
    answer = await staff.put("/v1/admin/delivery-methods/van/slots", json={"slots": windows})
    assert len(answer.json()["items"]) == 7, answer.text


@pytest.mark.usefixtures("van")
async def test_a_cart_chooses_a_window_and_the_order_keeps_it(
    app: Any, browser: Browser, grocer: SeededShop, staff: httpx.AsyncClient
) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    path = f"/v1/store/carts/{cart['id']}"
    without = (await browser.http.put(f"{path}/delivery", json={"code": "van"})).json()
    assert [said["code"] for said in without["requirements"]] == ["checkout.slot_missing"]
    offers = (await browser.http.get(f"{path}/delivery-slots?code=van")).json()["items"]
    assert 13 <= len(offers) <= 14
    assert {(offer["hours"], offer["left"]) for offer in offers} == {("10:00 to 12:00", 1)}
    chosen = {"slot_id": offers[3]["slot_id"], "day": offers[3]["day"]}
    cart = (await browser.http.put(f"{path}/delivery", json={"code": "van", "slot": chosen})).json()
    assert (cart["requirements"], cart["delivery"]["earliest"]) == ([], chosen["day"])
    order = (await browser.complete(cart)).json()
    assert order["delivery"]["slot"]["begins"] == offers[3]["begins"]
    other = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    full = (
        await browser.http.put(f"/v1/store/carts/{other['id']}/delivery", json={"code": "van", "slot": chosen})
    ).json()
    assert [said["code"] for said in full["requirements"]] == ["checkout.slot_gone"]
    elsewhen = {**chosen, "day": (date.fromisoformat(chosen["day"]) + timedelta(days=1)).isoformat()}
    wrong = await browser.http.put(f"/v1/store/carts/{other['id']}/delivery", json={"code": "van", "slot": elsewhen})
    assert [said["code"] for said in wrong.json()["requirements"]] == ["checkout.slot_gone"]
    await staff.put("/v1/admin/delivery-methods/van/slots", json={"slots": []})
    free = (await browser.http.get(f"/v1/store/carts/{other['id']}")).json()
    assert (free["requirements"], free["delivery"]["timed"], free["delivery"]["slot"]) == ([], False, None)
    assert await all_faults(app.state.core.database, grocer) == []


@pytest.mark.usefixtures("van")
async def test_what_is_collected_has_a_place_and_a_code(browser: Browser, grocer: SeededShop) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    cart = (await browser.http.put(f"/v1/store/carts/{cart['id']}/delivery", json={"code": "collect"})).json()
    assert (cart["delivery"]["place"]["name"], cart["delivery"]["collection_code"]) == ("Shop", None)
    delivery_kept = (await browser.complete(cart)).json()["delivery"]
    assert delivery_kept["place"]["opening_hours"] == ["Mon to Fri 9 to 18"]
    assert len(delivery_kept["collection_code"]) == 6


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("delivery-methods/van/slots", {"slots": [{"weekday": 7, "begins": "10:00", "ends": "12:00", "capacity": 1}]}, "request.invalid_fields"),
        ("delivery-methods/van/slots", {"slots": [{"weekday": 1, "begins": "12:00", "ends": "12:00", "capacity": 1}]}, "delivery.bad_slot"),
        ("delivery-methods/van/slots", {"slots": [{"weekday": 1, "begins": "10:00", "ends": "12:00", "capacity": 1}] * 2}, "delivery.bad_slot"),
        ("delivery-methods/van/slots", {"slots": [{"weekday": 1, "begins": "10:00:30", "ends": "12:00", "capacity": 1}]}, "request.invalid_fields"),
        ("delivery-methods/van/slots", {"slots": [{"weekday": 1, "begins": "10:00", "ends": "12:00", "capacity": -1}]}, "request.invalid_fields"),
        ("delivery-methods/no/slots", {"slots": []}, "delivery.method_not_found"),
        ("delivery-calendar", {"zone": "Mars/Olympus", "working_days": [0]}, "request.invalid_fields"),
        ("delivery-calendar", {"zone": "UTC", "working_days": []}, "request.invalid_fields"),
        ("delivery-calendar", {"zone": "UTC", "working_days": [0], "holidays": ["2026-02-30"]}, "request.invalid_fields"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("van")
async def test_windows_and_days_that_make_no_sense_are_refused(
    staff: httpx.AsyncClient, path: str, body: dict[str, Any], code: str
) -> None:
    answer = await staff.put(f"/v1/admin/{path}", json=body)
    assert answer.json()["code"] == code, answer.text
