"""What one unit costs, why, and for how long a price is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.identity.staff import create_key
from commerce.pricing.engine import Offer, price_of
from foundation import clock
from tests.commerce.conftest import Browser
from tests.factories import SeededShop

if TYPE_CHECKING:
    from collections.abc import Sequence

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

moments = st.integers(-3, 3).map(lambda hours: NOON + hours * HOUR)
windows = st.tuples(st.none() | moments, st.none() | moments)
offers = st.lists(
    st.builds(
        lambda amount, quantity, group, window, only: Offer(amount, quantity, group, *window, *only),
        st.integers(0, 120),
        st.integers(1, 12),
        st.sampled_from([None, "trade", "staff"]),
        windows,
        st.sampled_from([(None, None), (None, "app"), (UUID(int=1), None), (UUID(int=2), None)]),
    ),
    max_size=6,
)
quantities = st.integers(1, 15)


@given(offers, quantities, moments)
def test_the_price_is_the_lowest_that_holds_and_a_channels_own_comes_first(
    found: list[Offer], quantity: int, at: datetime
) -> None:
    price = price_of(100, found, quantity=quantity, at=at)
    holding = [offer for offer in found if offer.holds(quantity=quantity, at=at)]
    own = [one for one in holding if one.channel and not one.group and one.min_quantity == 1]
    counting = [one.amount for one in holding if not own or one.channel or one.decision_id]
    assert price.amount == min(counting if own else [100, *counting])
    assert price.list_price == 100
    assert own or (price.source == "list") == (price.amount == 100)
    assert price.until is None or price.until > at


@given(st.data(), offers, quantities, moments)
def test_the_order_of_the_offers_says_nothing(data: Any, found: list[Offer], quantity: int, at: datetime) -> None:
    shuffled: Sequence[Offer] = data.draw(st.permutations(found))
    assert price_of(100, found, quantity=quantity, at=at) == price_of(100, shuffled, quantity=quantity, at=at)


@given(offers, quantities, st.integers(0, 10), moments)
def test_who_takes_more_never_pays_more_for_one(found: list[Offer], quantity: int, more: int, at: datetime) -> None:
    dearer, cheaper = (price_of(100, found, quantity=n, at=at) for n in (quantity, quantity + more))
    assert cheaper.amount <= dearer.amount


def test_an_offer_holds_from_its_start_on_and_not_at_its_end() -> None:
    sale = [Offer(80, starts_at=NOON, ends_at=NOON + HOUR)]
    moment = timedelta(microseconds=1)
    at = {when: price_of(100, sale, quantity=1, at=when).amount for when in (NOON - moment, NOON, NOON + HOUR - moment)}
    assert list(at.values()) == [100, 80, 80]
    assert price_of(100, sale, quantity=1, at=NOON + HOUR).amount == 100


@pytest.mark.parametrize(
    ("offer", "source", "reason"),
    [
        (Offer(80), "sale", "sale"),
        (Offer(80, ends_at=NOON + HOUR), "sale", "sale until 2026-11-25 13:00 UTC"),
        (Offer(80, min_quantity=10), "quantity_break", "quantity break from 10"),
        (Offer(80, group="trade"), "group", "group trade"),
        (Offer(80, min_quantity=10, group="trade"), "group", "group trade from 10"),
        (Offer(120, channel="app"), "channel", "channel app"),
        (Offer(80, min_quantity=10, channel="app"), "quantity_break", "quantity break from 10 on app"),
        (Offer(80, group="trade", channel="app"), "group", "group trade on app"),
        (Offer(80, ends_at=NOON + HOUR, decision_id=UUID(int=1)), "quote", "quoted until 2026-11-25 13:00 UTC"),
    ],
)
def test_a_price_says_why(offer: Offer, source: str, reason: str) -> None:
    price = price_of(100, [offer], quantity=10, at=NOON)
    assert (price.source, price.reason, price.decision_id) == (source, reason, offer.decision_id)


def test_of_equal_prices_the_plainest_is_told() -> None:
    same = [Offer(80, decision_id=UUID(int=1), ends_at=NOON + HOUR), Offer(80, group="trade"), Offer(80)]
    assert price_of(100, same, quantity=1, at=NOON).source == "sale"
    assert price_of(80, same, quantity=1, at=NOON).source == "list"


async def _offer(staff: httpx.AsyncClient, sku: str, *offers: dict[str, Any]) -> None:
    body = {"currency": "USD", "offers": list(offers)}
    answer = await staff.put(f"/v1/admin/prices/variants/{sku}/offers", json=body)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["offers"]) == len(offers)


async def _change(browser: Browser, cart: dict[str, Any], quantity: int) -> dict[str, Any]:
    line = cart["lines"][0]["id"]
    answer = await browser.http.patch(f"/v1/store/carts/{cart['id']}/lines/{line}", json={"quantity": quantity})
    changed: dict[str, Any] = answer.json()
    return changed


async def _look(browser: Browser, cart: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = (await browser.http.get(f"/v1/store/carts/{cart['id']}")).json()
    return shown


def _line(cart: dict[str, Any]) -> tuple[int, str]:
    return cart["lines"][0]["unit_price"], cart["lines"][0]["explanation"]["price"]["reason"]


def _missing(cart: dict[str, Any]) -> list[tuple[str, int | None]]:
    return [(requirement["code"], requirement["unit_price"]) for requirement in cart["requirements"]]


async def test_a_sale_begins_and_ends_by_the_clock_alone(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop
) -> None:
    begins = clock.now() + HOUR
    ends = begins + HOUR
    await _offer(staff, "SKU0", {"amount": 60, "starts_at": begins.isoformat(), "ends_at": ends.isoformat()})
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    assert _line(cart) == (100, "list price")

    with clock.use(lambda: begins):
        shown = await _look(browser, cart)
        assert _missing(shown) == [("cart.price_changed", 60)]
        assert _line(shown) == (100, "list price")
        accepted = (await browser.http.post(f"/v1/store/carts/{cart['id']}/accept-prices")).json()
        assert _missing(accepted) == []
        assert _line(accepted) == (60, f"sale until {ends:%Y-%m-%d %H:%M} UTC")
    with clock.use(lambda: ends):
        ended = await _look(browser, cart)
        assert _missing(ended) == [("cart.price_changed", 100)]
        refused = await browser.complete(ended)
    assert refused.json()["code"] == "checkout.requirements_unmet"


async def test_more_of_it_takes_the_break_and_less_asks_before_it_is_dearer(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop
) -> None:
    await _offer(staff, "SKU0", {"amount": 90, "min_quantity": 10}, {"amount": 70, "min_quantity": 50})
    soup = grocer.products[0].variant_id
    cart = await browser.add(await browser.cart(), soup, 9)
    assert _line(cart) == (100, "list price")

    cart = await browser.add(cart, soup, 1)
    assert _line(cart) == (90, "quantity break from 10")
    assert cart["totals"]["total"] == 900
    cart = await _change(browser, cart, 50)
    assert _line(cart) == (70, "quantity break from 50")

    cart = await _change(browser, cart, 10)
    assert _line(cart) == (70, "quantity break from 50")
    assert _missing(cart) == [("cart.price_changed", 90)]
    assert (await browser.complete(cart)).status_code == 409
    cart = (await browser.http.post(f"/v1/store/carts/{cart['id']}/accept-prices")).json()
    assert _line(cart) == (90, "quantity break from 10")
    assert (await browser.complete(cart, key="again")).json()["total"]["amount"] == 900


async def test_a_group_has_its_prices_to_itself(browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop) -> None:
    await _offer(staff, "SKU0", {"amount": 75, "group": "trade"})
    soup = grocer.products[0].variant_id
    cart = await browser.add(await browser.cart(), soup)
    assert _line(cart) == (100, "list price")

    joined = await staff.put("/v1/admin/prices/groups/household-1", json={"group": "trade"})
    assert joined.json() == {"reference": "household-1", "group": "trade"}
    cart = await browser.add(cart, soup)
    assert _line(cart) == (75, "group trade")

    await staff.put("/v1/admin/prices/groups/household-1", json={"group": "retail"})
    assert _missing(await _look(browser, cart)) == [("cart.price_changed", 100)]


async def _quote(staff: httpx.AsyncClient, holder_id: object, sold: Any, **said: Any) -> httpx.Response:
    body = {
        "holder_id": str(holder_id),
        "variant_id": str(sold.variant_id),
        "currency": "USD",
        "amount": 55,
        "decision_id": str(uuid4()),
        "expires_at": (clock.now() + HOUR).isoformat(),
        **said,
    }
    return await staff.post("/v1/admin/prices/quotes", json=body)


async def test_a_quoted_price_is_honoured_for_the_time_promised_and_kept_with_the_order(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, rows: Any
) -> None:
    me = (await browser.http.get("/v1/store/sessions/current")).json()
    quoted = (await _quote(staff, me["customer_id"], grocer.products[0])).json()
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    until = datetime.fromisoformat(quoted["expires_at"])
    why = f"quoted until {until:%Y-%m-%d %H:%M} UTC"
    assert _line(cart) == (55, why)

    rows("UPDATE price SET amount = 300")
    with clock.use(lambda: until - timedelta(microseconds=1)):
        assert _missing(await _look(browser, cart)) == []
    with clock.use(lambda: until):
        assert _missing(await _look(browser, cart)) == [("cart.price_changed", 300)]

    order = (await browser.complete(cart)).json()
    price = order["lines"][0]["explanation"]["price"]
    assert (order["total"]["amount"], price["source"], price["reason"]) == (55, "quote", why)
    assert (price["decision_id"], price["list_price"]) == (quoted["decision_id"], 300)


async def test_a_visitors_quote_comes_along_when_they_sign_in_and_is_nobody_elses(
    client: httpx.AsyncClient, staff: httpx.AsyncClient, grocer: SeededShop
) -> None:
    visitor = (await client.post("/v1/store/sessions", json={})).json()["visitor_id"]
    assert (await _quote(staff, visitor, grocer.products[0])).status_code == 201
    await client.post("/v1/store/sessions", json={"reference": "household-1"})
    browser = Browser(client)
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    assert cart["lines"][0]["unit_price"] == 55

    client.cookies.clear()
    await client.post("/v1/store/sessions", json={"reference": "household-2"})
    other = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    assert other["lines"][0]["unit_price"] == 100


async def test_what_becomes_of_prices_is_told_once(staff: httpx.AsyncClient, grocer: SeededShop, rows: Any) -> None:
    await _offer(staff, "SKU0", {"amount": 90, "min_quantity": 10})
    said = {"decision_id": str(uuid4()), "expires_at": (clock.now() + HOUR).isoformat()}
    holder = uuid4()
    for _ in range(2):
        await _quote(staff, holder, grocer.products[0], **said)
    assert rows("SELECT name, decision_id, payload->>'amount', payload->'offers' FROM outbox ORDER BY seq") == [
        ("prices.changed", None, None, [{"amount": 90, "min_quantity": 10}]),
        ("price.quoted", UUID(said["decision_id"]), "55", None),
    ]


async def test_a_quote_dearer_than_the_list_makes_nothing_dearer(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop
) -> None:
    me = (await browser.http.get("/v1/store/sessions/current")).json()
    await _quote(staff, me["customer_id"], grocer.products[0], amount=500)
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    assert _line(cart) == (100, "list price")


async def test_a_decision_promises_one_price(staff: httpx.AsyncClient, grocer: SeededShop) -> None:
    said = {"decision_id": str(uuid4()), "expires_at": (clock.now() + HOUR).isoformat()}
    holder, sold = uuid4(), grocer.products[0]
    first, again = [await _quote(staff, holder, sold, **said) for _ in range(2)]
    assert (first.status_code, again.json()) == (201, first.json())
    other = await _quote(staff, holder, sold, **said, amount=54)
    assert (other.status_code, other.json()["code"], other.json()["amount"]) == (409, "pricing.quote_differs", 55)


async def test_what_cannot_be_a_price_is_refused(
    staff: httpx.AsyncClient, grocer: SeededShop, fashion: SeededShop
) -> None:
    past = {"expires_at": (clock.now() - HOUR).isoformat()}
    assert (await _quote(staff, uuid4(), grocer.products[0], **past)).json()["code"] == "pricing.bad_window"
    assert (await _quote(staff, uuid4(), fashion.products[0])).json()["code"] == "pricing.no_list_price"
    assert (await _quote(staff, uuid4(), grocer.products[0], currency="EUR")).json()["code"] == "pricing.no_list_price"

    async def put(sku: str, what: str, **body: Any) -> tuple[int, str]:
        answer = await staff.put(f"/v1/admin/prices/variants/{sku}/{what}", json={"currency": "USD", **body})
        return answer.status_code, answer.json().get("code", "")

    window = {"starts_at": NOON.isoformat(), "ends_at": NOON.isoformat()}
    assert await put("SKU0", "offers", offers=[{"amount": 5}, {"amount": 1, **window}]) == (422, "pricing.bad_window")
    assert (await staff.get("/v1/admin/prices/variants/SKU0")).json()["offers"] == []
    assert await put("SKU9", "offers", offers=[]) == (404, "pricing.unknown_sku")
    assert await put("SKU0", "offers", currency="EUR", offers=[]) == (422, "pricing.no_list_price")
    for nonsense in (-1, 1.5, True, 10**15 + 1, "5"):
        assert await put("SKU0", "list", amount=nonsense) == (422, "request.invalid_fields")
        assert await put("SKU0", "offers", offers=[{"amount": nonsense}]) == (422, "request.invalid_fields")
    assert await put("SKU0", "offers", offers=[{"amount": 1, "min_quantity": 0}]) == (422, "request.invalid_fields")
    unknown = await staff.put("/v1/admin/prices/groups/nobody", json={"group": None})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "pricing.unknown_customer")


async def test_the_list_price_is_set_for_a_currency(staff: httpx.AsyncClient, grocer: SeededShop) -> None:
    body = {"currency": "USD", "amount": 120, "compare_at": 150}
    told = (await staff.put("/v1/admin/prices/variants/SKU0/list", json=body)).json()
    assert told["list_prices"] == [body]
    dinar = {"currency": "KWD", "amount": 1_234, "compare_at": None}
    told = (await staff.put("/v1/admin/prices/variants/SKU0/list", json=dinar)).json()
    assert told["list_prices"] == [dinar, body]


async def test_a_key_that_may_promise_prices_may_not_set_them(
    app: Any, client: httpx.AsyncClient, grocer: SeededShop
) -> None:
    async with app.state.core.database.transaction(grocer.id) as session:
        _, token = await create_key(session, grocer.id, name="Pricing", scopes=["prices:quote"])
    client.headers["Authorization"] = f"Bearer {token}"
    assert (await _quote(client, uuid4(), grocer.products[0])).status_code == 201
    body = {"currency": "USD", "amount": 1}
    refused = await client.put("/v1/admin/prices/variants/SKU0/list", json=body)
    assert (refused.status_code, refused.json()["scope"]) == (403, "prices:write")
    assert (await client.get("/v1/admin/prices/variants/SKU0")).status_code == 403
