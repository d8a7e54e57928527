"""What is taken off, by which code, when, and how often."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import httpx
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.cart import codes
from commerce.cart.terms import Terms
from commerce.cart.totals import PricedLine, always, compute
from commerce.orders import cancelling
from commerce.payments.providers import Charge
from commerce.promotions import service as promotions
from commerce.promotions.engine import Discount, take
from commerce.promotions.guessing import BY_ADDRESS, BY_SHOPPER
from commerce.promotions.schemas import CodeIn
from commerce.promotions.windows import moment, when, zone_of
from commerce.taxes.engine import Rate
from foundation import clock
from foundation.database import Database
from tests.commerce.conftest import Browser
from tests.commerce.desk import STAFF, Desk
from tests.commerce.invariants import all_faults
from tests.factories import SeededShop, seed_shop

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

BERLIN = ZoneInfo("Europe/Berlin")
SPRING, AUTUMN = datetime(2026, 3, 29), datetime(2026, 10, 25)  # noqa: DTZ001  (wall times)
MOMENT = timedelta(microseconds=1)

goods = st.lists(st.integers(0, 10**6), min_size=1, max_size=8)
discounts = st.lists(
    st.one_of(
        st.builds(
            lambda share, line: Discount("share", share=share, line=line), st.fractions(0, 1), st.none() | st.just(0)
        ),
        st.builds(lambda amount: Discount("amount", amount=amount), st.integers(0, 10**6)),
    ),
    max_size=5,
)


@given(goods, discounts)
def test_no_line_ever_costs_less_than_nothing(prices: list[int], off: list[Discount]) -> None:
    taken = take(prices, off)
    assert [found.name for found in taken] == [discount.name for discount in off]
    assert all(share >= 0 for found in taken for share in found.shares)
    for place, price in enumerate(prices):
        assert sum(found.shares[place] for found in taken) <= price


@given(goods, st.fractions(0, 1))
def test_a_share_of_the_whole_is_rounded_once(prices: list[int], share: Fraction) -> None:
    (taken,) = take(prices, [Discount("x", share=share)])
    assert taken.amount == round(sum(prices) * share)


@given(goods, discounts, st.booleans())
def test_discounts_add_up_and_tax_is_of_what_they_left(prices: list[int], off: list[Discount], included: bool) -> None:
    rates = [Rate("VAT", Fraction(19, 100)), Rate("City", Fraction(1, 30))]
    lines = [PricedLine(price, 1) for price in prices]
    totals = compute(lines, discounts=off, to=[always(Terms({"standard": rates}, included))])
    assert totals.discount == sum(totals.line_discounts) == sum(taken.amount for taken in totals.discounts)
    assert sum(totals.line_totals) == totals.subtotal - totals.discount
    plain = compute(
        [PricedLine(left, 1) for left in totals.line_totals], to=[always(Terms({"standard": rates}, included))]
    )
    assert totals.line_taxes == plain.line_taxes
    assert [sum(part.amount for part in parts) for parts in totals.line_tax_parts] == list(totals.line_taxes)


def test_lines_come_before_the_whole_and_each_takes_of_what_is_left() -> None:
    taken = take([1000, 500], [Discount("all", share=Fraction(1, 10)), Discount("first", amount=400, line=0)])
    assert [(found.name, found.shares) for found in taken] == [("all", (60, 50)), ("first", (400, 0))]


@pytest.mark.parametrize("said", [{"share": Fraction(-1, 2)}, {"share": Fraction(2)}, {"amount": -1}])
def test_what_is_no_discount_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="discount"):
        Discount("x", **said)


def test_a_window_begins_at_its_start_and_is_over_at_its_end() -> None:
    window = {"starts": SPRING, "ends": SPRING + timedelta(days=1), "zone": UTC}
    begin = SPRING.replace(tzinfo=UTC)
    assert [when(at, **window) for at in (begin - MOMENT, begin)] == ["before", "within"]  # type: ignore[arg-type]
    end = begin + timedelta(days=1)
    assert [when(at, **window) for at in (end - MOMENT, end)] == ["within", "after"]  # type: ignore[arg-type]


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25)])
def test_a_day_lasts_as_long_as_the_shops_clocks_say(day: datetime, hours: int) -> None:
    assert moment(day + timedelta(days=1), BERLIN) - moment(day, BERLIN) == timedelta(hours=hours)


def test_an_hour_that_clocks_show_twice_does_not_bring_a_code_back() -> None:
    half_past_two = AUTUMN + timedelta(hours=2, minutes=30)
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert moment(half_past_two, BERLIN) == first
    for minutes in range(0, 180, 15):
        at = first + timedelta(minutes=minutes)
        assert when(at, starts=None, ends=half_past_two, zone=BERLIN) == "after"
        assert when(at, starts=half_past_two, ends=None, zone=BERLIN) == "within"


def test_an_hour_that_clocks_leave_out_has_a_moment_too() -> None:
    half_past_two = SPRING + timedelta(hours=2, minutes=30)
    at = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert moment(half_past_two, BERLIN) == at
    assert at.astimezone(BERLIN).strftime("%H:%M") == "03:30"
    assert [when(now, starts=half_past_two, ends=None, zone=BERLIN) for now in (at - MOMENT, at)] == [
        "before",
        "within",
    ]


@pytest.mark.parametrize("name", [None, "", "Mars/Olympus", "../etc/passwd", "\0"])
def test_a_shop_without_a_zone_that_exists_lives_by_utc(name: str | None) -> None:
    assert zone_of(name).utcoffset(SPRING) == timedelta()


async def _put(staff: httpx.AsyncClient, code: str, **body: Any) -> dict[str, Any]:
    answer = await staff.put(f"/v1/admin/discount-codes/{code}", json=body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def _give(browser: Browser, cart: dict[str, Any], code: str) -> httpx.Response:
    return await browser.http.post(f"/v1/store/carts/{cart['id']}/codes", json={"code": code})


async def _look(browser: Browser, cart: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = (await browser.http.get(f"/v1/store/carts/{cart['id']}")).json()
    return shown


def _missing(cart: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(requirement["code"], requirement["discount_code"]) for requirement in cart["requirements"]]


async def test_codes_are_shown_with_what_they_took_off_and_kept_with_the_order(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, rows: Any
) -> None:
    await _put(staff, "spring", percent="12.5", per_customer_limit=2)
    await _put(staff, "FIVE", amount=5, currency="USD")
    cart = await browser.cart()
    for sold in grocer.products[:3]:
        cart = await browser.add(cart, sold.variant_id)
    await _give(browser, cart, " Spring ")
    cart = (await _give(browser, cart, "five")).json()

    assert [(code["code"], code["standing"], code["off"]) for code in cart["codes"]] == [
        ("SPRING", "good", 75),
        ("FIVE", "good", 5),
    ]
    totals = cart["totals"]
    assert (totals["subtotal"], totals["discount"], totals["total"]) == (600, 80, 520)
    order = (await browser.complete(cart, expected_total=520)).json()
    assert order["discounts"] == [{"name": "SPRING", "amount": 75}, {"name": "FIVE", "amount": 5}]
    for line in order["lines"]:
        assert line["discount"] == sum(share["amount"] for share in line["explanation"]["discounts"])
    detail = (await staff.get("/v1/admin/discount-codes/spring")).json()
    assert (detail["used"], [used["order_id"] for used in detail["redemptions"]]) == (1, [order["id"]])
    assert rows(
        "SELECT payload->>'amount' FROM outbox WHERE name = 'discount.redeemed' ORDER BY payload->>'amount'"
    ) == [
        ("5",),
        ("75",),
    ]


async def test_a_code_is_taken_out_and_given_again(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop
) -> None:
    await _put(staff, "HALF", percent="50")
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    for _ in range(2):
        cart = (await _give(browser, cart, "HALF")).json()
        assert (len(cart["codes"]), cart["totals"]["total"]) == (1, 50)
    for _ in range(2):
        cart = (await browser.http.delete(f"/v1/store/carts/{cart['id']}/codes/half")).json()
        assert (cart["codes"], cart["totals"]["total"]) == ([], 100)
    assert (await _give(browser, cart, "HALF")).json()["totals"]["total"] == 50


async def test_below_its_minimum_a_code_waits(browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop) -> None:
    await _put(staff, "BIG", percent="10", minimum=250, currency="USD")
    soup = grocer.products[0].variant_id
    cart = await browser.add(await browser.cart(), soup, 2)
    cart = (await _give(browser, cart, "BIG")).json()
    assert [(code["standing"], code["off"], code["minimum"]) for code in cart["codes"]] == [("below_minimum", 0, 250)]
    assert cart["requirements"] == []
    cart = await browser.add(cart, soup)
    assert [(code["standing"], code["off"]) for code in cart["codes"]] == [("good", 30)]


async def test_free_delivery_looks_at_what_is_left_of_the_goods(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop
) -> None:
    method = {"name": "Collect", "kind": "collect", "price": 40, "free_from": 100}
    await staff.put("/v1/admin/delivery-methods/collect", json=method)
    await _put(staff, "CENT", amount=1, currency="USD")
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    cart = (await browser.http.put(f"/v1/store/carts/{cart['id']}/delivery", json={"code": "collect"})).json()
    assert cart["totals"]["shipping"] == 0
    cart = (await _give(browser, cart, "CENT")).json()
    assert (cart["totals"]["shipping"], cart["delivery"]["price"], cart["totals"]["total"]) == (40, 40, 139)


@pytest.mark.parametrize(("night", "hours"), [(SPRING, 23), (AUTUMN, 25)])
async def test_a_code_holds_for_a_day_of_the_shop_without_waiting_for_a_job(
    night: datetime,
    hours: int,
    browser: Browser,
    staff: httpx.AsyncClient,
    grocer: SeededShop,
    database_urls: DatabaseUrls,
    rows: Any,
) -> None:
    with psycopg.connect(database_urls.owner) as owner:
        owner.execute('UPDATE tenant SET settings = settings || \'{"zone": "Europe/Berlin"}\'')
    rows("UPDATE session SET expires_at = '2030-01-01'")
    await _put(staff, "TODAY", percent="10", starts_at=night.isoformat(), ends_at=(night + timedelta(1)).isoformat())
    begins = night.replace(tzinfo=BERLIN).astimezone(UTC)
    ends = begins + timedelta(hours=hours)
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)

    with clock.use(lambda: begins - MOMENT):
        early = await _give(browser, cart, "TODAY")
    assert (early.status_code, early.json()["code"]) == (422, "promotions.code_not_running")
    with clock.use(lambda: begins):
        assert (await _give(browser, cart, "TODAY")).json()["totals"]["total"] == 90
    with clock.use(lambda: ends - MOMENT):
        assert (await _look(browser, cart))["totals"]["total"] == 90
    with clock.use(lambda: ends):
        over = await _look(browser, cart)
        assert _missing(over) == [("promotions.code_not_running", "TODAY")]
        assert over["totals"]["total"] == 100
        assert (await browser.complete(over)).json()["code"] == "checkout.requirements_unmet"


async def test_what_is_no_code_here_is_refused(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, fashion: SeededShop, app: Any
) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    await _put(staff, "EUROS", amount=5, currency="EUR")
    await _put(staff, "OLD", percent="5", ends_at="2020-01-01T00:00:00")
    async with app.state.core.database.tx(fashion.id) as tx:
        await promotions.put(tx, "THEIRS", CodeIn(percent="5"))  # type: ignore[arg-type]
    for code, said in (
        ("NOTHING", "promotions.code_unknown"),
        ("THEIRS", "promotions.code_unknown"),
        ("EUROS", "promotions.code_unknown"),
        ("OLD", "promotions.code_not_running"),
        ("' OR 1=1", "request.invalid_fields"),
        ("", "request.invalid_fields"),
    ):
        answer = await _give(browser, cart, code)
        assert (answer.status_code, answer.json()["code"]) == (422, said), code
    for number in range(6):
        await _put(staff, f"MANY-{number}", amount=1, currency="USD")
        answer = await _give(browser, cart, f"MANY-{number}")
    assert answer.json()["code"] == "promotions.too_many_codes"
    assert (await _look(browser, cart))["totals"]["discount"] == 5
    client = browser.http
    client.cookies.clear()
    await client.post("/v1/store/sessions", json={"reference": "household-2"})
    assert (await _give(browser, cart, "MANY-0")).json()["code"] == "cart.not_found"


@pytest.mark.one_database
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"percent": "5", "amount": 5, "currency": "USD"},
        {"amount": 5},
        {"percent": "5", "minimum": 5},
        {"percent": "5", "starts_at": "2026-01-02T00:00:00", "ends_at": "2026-01-02T00:00:00"},
    ],
)
async def test_a_code_that_makes_no_sense_is_refused(staff: httpx.AsyncClient, body: dict[str, Any]) -> None:
    answer = await staff.put("/v1/admin/discount-codes/ODD", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "promotions.bad_code")
    assert (await staff.get("/v1/admin/discount-codes/ODD")).status_code == 404


@pytest.mark.one_database
@pytest.mark.parametrize(
    "body",
    [
        {"percent": "0"},
        {"percent": "100.001"},
        {"percent": "1.2345"},
        {"percent": "NaN"},
        {"percent": True},
        {"amount": 0, "currency": "USD"},
        {"amount": 1.5, "currency": "USD"},
        {"percent": "5", "usage_limit": 0},
        {"percent": "5", "starts_at": "2026-01-02T00:00:00Z"},
    ],
)
async def test_nonsense_in_a_code_is_refused(staff: httpx.AsyncClient, body: dict[str, Any]) -> None:
    answer = await staff.put("/v1/admin/discount-codes/ODD", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid_fields")


async def test_codes_are_listed_by_name(staff: httpx.AsyncClient) -> None:
    for code in ("C", "A", "B"):
        await _put(staff, code, percent="5")
    first = (await staff.get("/v1/admin/discount-codes", params={"limit": 2})).json()
    assert ([code["code"] for code in first["items"]], first["has_more"]) == (["A", "B"], True)
    second = (await staff.get("/v1/admin/discount-codes", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert ([code["code"] for code in second["items"]], second["has_more"]) == (["C"], False)


async def test_whoever_guesses_codes_is_stopped_and_whoever_knows_them_is_not(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, rows: Any
) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    await _put(staff, "SPRING", percent="10")
    await _put(staff, "OLD", percent="5", ends_at="2020-01-01T00:00:00")
    now = clock.now()

    async def tried(code: str) -> int:
        return (await _give(browser, cart, code)).status_code

    with clock.use(lambda: now):
        for _ in range(BY_SHOPPER.burst + 2):
            assert [await tried("SPRING"), await tried("OLD")] == [200, 422]
        wrong = await asyncio.gather(*(tried(f"GUESS{number}") for number in range(BY_SHOPPER.burst + 5)))
        assert sorted(wrong) == [422] * BY_SHOPPER.burst + [429] * 5
        stopped = await _give(browser, cart, "SPRING")
        assert (stopped.status_code, stopped.json()["code"]) == (429, "promotions.too_many_guesses")
        assert int(stopped.headers["retry-after"]) == stopped.json()["retry_after"] == 60
    with clock.use(lambda: now + BY_SHOPPER.every):
        assert [await tried("SPRING"), await tried("GUESS"), await tried("SPRING")] == [200, 422, 429]
    assert not rows("SELECT FROM throttle_bucket WHERE tokens < 0")


async def test_a_new_session_does_not_bring_new_guesses_to_an_address(client: httpx.AsyncClient, app: Any) -> None:
    now, answers = clock.now(), []
    with clock.use(lambda: now):
        for _ in range(4):
            client.cookies.clear()
            await client.post("/v1/store/sessions", json={})
            browser = Browser(client)
            cart = await browser.cart()
            answers += [(await _give(browser, cart, "GUESS")).status_code for _ in range(BY_SHOPPER.burst)]
        assert answers == [422] * BY_ADDRESS.burst + [429] * (4 * BY_SHOPPER.burst - BY_ADDRESS.burst)
        elsewhere = httpx.ASGITransport(app=app, raise_app_exceptions=False, client=("192.0.2.7", 1))
        async with httpx.AsyncClient(transport=elsewhere, base_url=client.base_url) as other:
            await other.post("/v1/store/sessions", json={})
            browser = Browser(other)
            assert (await _give(browser, await browser.cart(), "GUESS")).status_code == 422


@pytest.fixture
async def desk(database_urls: DatabaseUrls) -> Any:
    database = Database(database_urls.app, pool_size=50)
    seeded = seed_shop(database_urls, "corner", stock=200, titles=("Tomato soup", "Orange juice", "Rye bread"))
    yield await Desk.at(database, seeded)
    await database.close()


async def _code(desk: Desk, code: str, **said: Any) -> None:
    async with desk.database.tx(desk.shop.id) as tx:
        await promotions.put(tx, code, CodeIn(**said))


async def _cart_with(desk: Desk, code: str, quantities: list[int], shopper: Any = None) -> tuple[Any, Any]:
    shopper = shopper or await desk.shopper()
    cart_id = await desk.cart(shopper, quantities)
    async with desk.database.tx(desk.shop.id) as tx:
        await codes.give(tx, shopper, cart_id, code)
    return shopper, cart_id


async def _used(desk: Desk) -> list[tuple[int, int]]:
    async with desk.database.tx(desk.shop.id) as tx:
        return [
            tuple(row)
            for row in await tx.connection.fetch(
                "SELECT d.used, (SELECT count(*) FROM discount_redemption r WHERE r.code_id = d.id"
                " AND r.released_at IS NULL) FROM discount_code d"
            )
        ]


async def test_a_code_for_one_use_is_used_once_by_fifty_at_once(desk: Desk) -> None:
    await _code(desk, "ONCE", percent="50", usage_limit=1)
    carts = [await _cart_with(desk, "ONCE", [1, 0, 0]) for _ in range(50)]
    all_have_paid, authorise = asyncio.Barrier(50), desk.bank.authorise

    async def together(charge: Charge) -> Any:
        await all_have_paid.wait()
        return await authorise(charge)

    desk.bank.authorise = together  # type: ignore[method-assign]
    answers = await asyncio.gather(*(desk.pay(*cart) for cart in carts), return_exceptions=True)

    orders = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert [order.total.amount for order in orders] == [50]
    refused = [answer for answer in answers if isinstance(answer, BaseException)]
    assert [type(answer) for answer in refused] == [promotions.CodeUsedUp] * 49
    assert await _used(desk) == [(1, 1)]
    assert await all_faults(desk.database, desk.seeded) == []
    assert desk.bank.held == {}
    assert sum(desk.bank.taken.values()) == 50


async def test_a_code_for_one_use_by_each_is_used_once_by_one_shopper_and_by_an_address(desk: Desk) -> None:
    await _code(desk, "WELCOME", percent="50", per_customer_limit=1)
    shopper, cart_id = await _cart_with(desk, "WELCOME", [1, 0, 0])
    await desk.pay(shopper, cart_id)

    with pytest.raises(promotions.CodeUsedUp):
        await _cart_with(desk, "WELCOME", [1, 0, 0], shopper)
    other = await _cart_with(desk, "WELCOME", [1, 0, 0])
    with pytest.raises(promotions.CodeUsedUp):  # another browser, the same address
        await desk.pay(*other)
    assert await _used(desk) == [(1, 1)]
    assert desk.bank.held == {}


async def test_a_use_is_given_back_when_the_whole_order_is_cancelled_and_once_only(desk: Desk) -> None:
    await _code(desk, "ONCE", percent="50", usage_limit=1)
    order = await desk.pay(*(await _cart_with(desk, "ONCE", [1, 1, 0])))
    first, second = order.lines

    async def cancel(line_id: Any) -> None:
        async with desk.database.tx(desk.shop.id) as tx:
            await cancelling.cancel(tx, order.id, STAFF, reason="x", lines=[(line_id, 1)])
        await desk.money.settle(desk.shop.id, order.id)

    await cancel(first.id)
    assert await _used(desk) == [(1, 1)]
    await cancel(second.id)
    assert await _used(desk) == [(0, 0)]
    async with desk.database.tx(desk.shop.id) as tx:
        await promotions.give_back(tx, order.id)
    assert await _used(desk) == [(0, 0)]
    again = await desk.pay(*(await _cart_with(desk, "ONCE", [1, 0, 0])))
    assert again.discount == 50
    assert await all_faults(desk.database, desk.seeded) == []


@pytest.mark.parametrize("order_of_lines", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
async def test_a_discounted_order_cancelled_line_by_line_ends_at_exactly_nothing(
    desk: Desk, order_of_lines: list[int]
) -> None:
    await _code(desk, "ODD", percent="33.333")
    order = await desk.pay(*(await _cart_with(desk, "ODD", [3, 1, 2])))
    left = order.total.amount
    assert left == 1100 - 367
    for place in order_of_lines:
        line = order.lines[place]
        for _ in range(line.quantity):
            async with desk.database.tx(desk.shop.id) as tx:
                await cancelling.cancel(tx, order.id, STAFF, reason="x", lines=[(line.id, 1)])
            await desk.money.settle(desk.shop.id, order.id)
        left -= line.total
        seen = await desk.look(order.id)
        assert order.total.amount - seen.refunded.amount == left
    assert left == 0
    assert sum(desk.bank.taken.values()) == sum(desk.bank.given.values())
    assert await all_faults(desk.database, desk.seeded) == []


async def test_a_code_for_everything_makes_an_order_for_nothing(desk: Desk) -> None:
    await _code(desk, "FREE", percent="100")
    order = await desk.pay(*(await _cart_with(desk, "FREE", [1, 1, 0])))
    assert (order.total.amount, order.payment_state) == (0, "paid")
    assert await all_faults(desk.database, desk.seeded) == []


async def test_a_limit_below_what_was_used_is_refused(desk: Desk) -> None:
    await _code(desk, "MANY", percent="10")
    for _ in range(2):
        await desk.pay(*(await _cart_with(desk, "MANY", [1, 0, 0])))
    with pytest.raises(promotions.LimitPassed) as refused:
        await _code(desk, "MANY", percent="10", usage_limit=1)
    assert refused.value.used == 2
    await _code(desk, "MANY", percent="10", usage_limit=2)


async def test_a_visitors_codes_come_along_when_they_sign_in(
    client: httpx.AsyncClient, staff: httpx.AsyncClient, grocer: SeededShop
) -> None:
    await _put(staff, "MINE", amount=1, currency="USD")
    await _put(staff, "BROUGHT", amount=2, currency="USD")
    browser = Browser(client)
    await client.post("/v1/store/sessions", json={"reference": "household-1"})
    await _give(browser, await browser.add(await browser.cart(), grocer.products[0].variant_id), "MINE")
    await client.delete("/v1/store/sessions/current")
    client.cookies.clear()
    await client.post("/v1/store/sessions", json={})
    visiting = await browser.add(await browser.cart(), grocer.products[1].variant_id)
    for code in ("MINE", "BROUGHT"):
        await _give(browser, visiting, code)

    await client.post("/v1/store/sessions", json={"reference": "household-1"})

    cart = await browser.cart()
    assert [code["code"] for code in cart["codes"]] == ["MINE", "BROUGHT"]
    assert cart["totals"]["total"] == 300 - 3
