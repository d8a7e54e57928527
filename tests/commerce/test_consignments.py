"""One order to several addresses: each consignment has its own delivery and taxes, and together they are the order."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.cart.terms import Terms
from commerce.cart.totals import PricedLine, always, compute
from commerce.identity.staff import create_key
from commerce.orders.shipping import ShippingRefundTooHigh, refund_shipping
from commerce.payments.settlement import RefundExceedsCaptured
from commerce.promotions.engine import Discount
from commerce.taxes.engine import Rate
from foundation.database import Database
from foundation.money import exponent
from tests.commerce.conftest import Browser
from tests.commerce.desk import STAFF, Desk
from tests.commerce.invariants import all_faults
from tests.factories import SeededShop, seed_shop

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

OHIO = {
    "name": "Ada",
    "line1": "12 Canal St",
    "postal_code": "43215",
    "city": "Columbus",
    "region": "OH",
    "country": "US",
}
CALIFORNIA = {**OHIO, "name": "Grace", "postal_code": "94016", "city": "Daly City", "region": "CA"}


@st.composite
def splits(draw: st.DrawFn) -> tuple[list[PricedLine], list[Terms], list[Discount]]:
    """Lines split over up to four places with terms of their own, in a currency with 0, 2 or 3 decimals."""
    scale = 10 ** exponent(draw(st.sampled_from(["JPY", "USD", "KWD"])))
    places = draw(st.integers(1, 4))
    included = draw(st.booleans())
    share = st.fractions(0, 1, max_denominator=1_000)
    terms = [
        Terms(
            {name: [Rate(f"{name} {n}", draw(share), compound=draw(st.booleans()))] for name in ("standard", "food")},
            included,
            draw(st.integers(0, 20 * scale)),
            scheme="oss",
            note="why",
        )
        for n in range(places)
    ]
    lines = []
    for _ in range(draw(st.integers(1, 5))):
        units = draw(st.lists(st.integers(0, 9), min_size=places, max_size=places).filter(any))
        sent = tuple((place, n) for place, n in enumerate(units) if n)
        price, tax_class = draw(st.integers(0, 500 * scale)), draw(st.sampled_from(["standard", "food", "exempt"]))
        lines.append(PricedLine(price, sum(units), tax_class, sent))
    off = st.builds(
        Discount,
        st.just("off"),
        share=st.fractions(0, 1, max_denominator=100),
        line=st.one_of(st.none(), st.integers(0, len(lines) - 1)),
    )
    return lines, terms, draw(st.lists(off, max_size=3))


@given(splits())
def test_consignments_add_up_to_the_order(split: tuple[list[PricedLine], list[Terms], list[Discount]]) -> None:
    lines, terms, discounts = split
    totals = compute(lines, discounts=discounts, to=[always(held) for held in terms])
    on_top = 0 if terms[0].tax_included else 1
    assert totals.total == sum(totals.line_totals) + totals.shipping + on_top * totals.tax
    assert totals.total == sum(part.total + on_top * part.tax for part in totals.parts) + sum(
        consigned.shipping + on_top * consigned.shipping_tax for consigned in totals.consignments
    )
    for number, line in enumerate(lines):
        parts = [part for part in totals.parts if part.line == number]
        assert [(part.consignment, part.quantity) for part in parts] == list(line.sent)
        assert all(part.total == line.unit_price * part.quantity - part.discount >= 0 for part in parts)
        assert sum(part.total for part in parts) == totals.line_totals[number]
        assert sum(part.discount for part in parts) == totals.line_discounts[number]
        assert sum(part.tax for part in parts) == totals.line_taxes[number]
        assert sum(tax.amount for tax in totals.line_tax_parts[number]) == totals.line_taxes[number]
        for place, taken in enumerate(totals.discounts):
            assert sum(part.off[place] for part in parts) == taken.shares[number]
    for number, consigned in enumerate(totals.consignments):
        own = [part for part in totals.parts if part.consignment == number]
        assert consigned.goods == sum(part.total for part in own)
        assert consigned.tax == consigned.shipping_tax + sum(part.tax for part in own)
        assert consigned.tax == sum(tax.amount for tax in consigned.taxes)
    assert totals.tax == sum(consigned.tax for consigned in totals.consignments) == sum(t.amount for t in totals.taxes)


def test_a_line_split_over_two_taxes_is_taxed_by_each_on_its_units() -> None:
    there, here = (
        Terms({"standard": [Rate("A", Fraction("0.1"))]}),
        Terms({"standard": [Rate("B", Fraction("0.2"))]}, shipping=50),
    )
    totals = compute([PricedLine(100, 3, sent=((0, 2), (1, 1)))], discount=1, to=[always(there), always(here)])
    assert [(part.quantity, part.discount, part.total, part.tax) for part in totals.parts] == [
        (2, 1, 199, 20),
        (1, 0, 100, 20),
    ]
    assert [(tax.name, tax.base, tax.amount) for tax in totals.taxes] == [("A", 199, 20), ("B", 150, 30)]
    assert (totals.total, totals.line_taxes) == (299 + 50 + 50, (40,))


@pytest.fixture
async def delivering(staff: httpx.AsyncClient) -> None:
    for code, price, countries in (("standard", 495, ["US"]), ("abroad", 1500, ["DE"])):
        body = {"name": code.title(), "price": price, "countries": countries}
        assert (await staff.put(f"/v1/admin/delivery-methods/{code}", json=body)).status_code == 200
    await staff.put("/v1/admin/taxes/policy", json={"included": False, "country": "US", "region": "OH"})
    rates = [
        {"name": "Ohio", "rate": "0.0575", "region": "OH"},
        {"name": "California", "rate": "0.0725", "region": "CA"},
    ]
    await staff.put("/v1/admin/taxes/rates/US", json={"rates": rates})


async def _split(browser: Browser, cart: dict[str, Any], *consignments: dict[str, Any]) -> httpx.Response:
    return await browser.http.put(
        f"/v1/store/carts/{cart['id']}/consignments", json={"consignments": list(consignments)}
    )


def _to(address: dict[str, Any] | None, delivery: str | None, *units: tuple[str, int]) -> dict[str, Any]:
    lines = [{"line_id": line_id, "quantity": quantity} for line_id, quantity in units]
    return {"address": address, "delivery": delivery, "lines": lines}


@pytest.mark.usefixtures("delivering")
async def test_an_order_goes_to_two_addresses(
    app: Any, browser: Browser, grocer: SeededShop, staff: httpx.AsyncClient
) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[1].variant_id, 3)
    cart = await browser.add(cart, grocer.products[3].variant_id, 1)
    soup, coffee = (line["id"] for line in cart["lines"])
    split = await _split(browser, cart, _to(OHIO, "standard", (soup, 1)), _to(CALIFORNIA, None, (soup, 2)))
    assert split.status_code == 200, split.text
    missing = [(said["code"], said.get("consignment"), said.get("line_id")) for said in split.json()["requirements"]]
    assert missing == [
        ("checkout.consignments_differ", None, coffee),
        ("checkout.delivery_missing", 2, None),
    ]
    cart = (
        await _split(
            browser, cart, _to(OHIO, "standard", (soup, 1)), _to(CALIFORNIA, "standard", (soup, 2), (coffee, 1))
        )
    ).json()
    assert cart["requirements"] == []
    ohio, california = cart["consignments"]
    assert (ohio["goods"], ohio["shipping"], ohio["tax"]) == (200, 495, 12 + 28)
    assert (california["goods"], california["shipping"], california["tax"]) == (800, 495, 29 + 29 + 36)
    assert cart["total"]["amount"] == 1000 + 990 + 40 + 94
    options = await browser.http.get(f"/v1/store/carts/{cart['id']}/delivery-options?consignment=2")
    assert [option["code"] for option in options.json()["items"]] == ["standard"]

    order = (await browser.complete(cart, expected_total=2124)).json()
    first, second = order["consignments"]
    assert [(line["quantity"], line["consignment_id"], line["tax"]) for line in order["lines"]] == [
        (1, first["id"], 12),
        (2, second["id"], 29),
        (1, second["id"], 29),
    ]
    assert (second["address"]["region"], second["delivery"]["price"], second["tax"]) == ("CA", 495, 94)

    async def send(key: str, **body: Any) -> httpx.Response:
        return await staff.post(
            f"/v1/admin/orders/{order['id']}/fulfilments", json=body, headers={"Idempotency-Key": key}
        )

    everything = await send("a")
    assert (everything.status_code, everything.json()["code"]) == (409, "orders.several_addresses")
    wrong = await send("b", consignment_id=first["id"], lines=[{"line_id": order["lines"][1]["id"], "quantity": 1}])
    assert wrong.json()["code"] == "orders.several_addresses"
    sent = (await send("c", consignment_id=second["id"])).json()
    assert [(parcel["consignment_id"], len(parcel["lines"])) for parcel in sent["parcels"]] == [(second["id"], 2)]
    assert (await send("e", consignment_id=second["id"])).json()["code"] == "orders.nothing_to_send"
    assert (await send("d")).json()["parcels"][1]["consignment_id"] == first["id"]
    assert await all_faults(app.state.core.database, grocer) == []


@pytest.mark.usefixtures("delivering")
async def test_a_vendor_sends_one_consignment_of_its_own(
    app: Any, browser: Browser, grocer: SeededShop, staff: httpx.AsyncClient
) -> None:
    sold = grocer.products[1]
    mill = (await staff.put("/v1/admin/vendors/mill", json={"name": "The Mill"})).json()
    await staff.post("/v1/admin/vendors/mill/products", json={"product_ids": [str(sold.product_id)]})
    cart = await browser.add(await browser.cart(), sold.variant_id, 3)
    soup = cart["lines"][0]["id"]
    split = await _split(browser, cart, _to(OHIO, "standard", (soup, 1)), _to(CALIFORNIA, "standard", (soup, 2)))
    order = (await browser.complete(split.json())).json()
    first, second = (consignment["id"] for consignment in order["consignments"])
    async with app.state.core.database.transaction(grocer.id) as session:
        _, token = await create_key(session, grocer.id, name="Miller", vendor_id=UUID(mill["id"]))
    miller = {"Authorization": f"Bearer {token}"}
    (part,) = (await staff.get("/v1/vendor/orders", headers=miller)).json()["items"]

    async def send(**body: Any) -> tuple[int, str | None]:
        answer = await staff.post(
            f"/v1/vendor/orders/{part['id']}/fulfilments",
            json=body,
            headers={**miller, "Idempotency-Key": str(uuid4())},
        )
        return answer.status_code, answer.json().get("code")

    assert await send() == (409, "orders.several_addresses")
    assert await send(consignment_id=str(uuid4())) == (409, "orders.nothing_to_send")
    assert await send(consignment_id=second) == (201, None)
    sent = (await staff.get(f"/v1/admin/orders/{order['id']}")).json()
    assert [parcel["consignment_id"] for parcel in sent["parcels"]] == [second]
    assert await send(consignment_id=second) == (409, "orders.nothing_to_send")
    assert await send(consignment_id=first) == (201, None)


@pytest.mark.usefixtures("delivering")
async def test_a_split_that_makes_no_sense_changes_nothing(browser: Browser, grocer: SeededShop) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, 2)
    (line,) = (line["id"] for line in cart["lines"])
    answers = [
        await _split(browser, cart, _to(OHIO, None, (line, 2)), _to(CALIFORNIA, None, (line, 1))),
        await _split(browser, cart, _to(OHIO, "abroad", (line, 2))),
        await _split(browser, cart, _to(OHIO, None, (cart["id"], 1))),
        await _split(browser, cart, _to(OHIO, None, (line, 0))),
        await _split(browser, cart, _to(OHIO, None)),
        await _split(browser, cart, *[_to(OHIO, None, (line, 1))] * 21),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (422, "cart.too_many_consigned"),
        (422, "delivery.unavailable"),
        (404, "cart.line_not_found"),
        *[(422, "request.invalid_fields")] * 3,
    ]
    assert (await browser.http.get(f"/v1/store/carts/{cart['id']}")).json()["consignments"] == []


@pytest.mark.usefixtures("delivering")
async def test_a_split_cart_that_changes_says_what_is_missing_and_goes_one_way_again_when_told(
    browser: Browser, grocer: SeededShop
) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, 2)
    (line,) = (line["id"] for line in cart["lines"])
    await _split(browser, cart, _to(OHIO, "standard", (line, 1)), _to(CALIFORNIA, "standard", (line, 1)))
    cart = await browser.add(cart, grocer.products[0].variant_id, 1)
    assert [said["code"] for said in cart["requirements"]] == ["checkout.consignments_differ"]
    refused = await browser.complete(cart)
    assert (refused.status_code, refused.json()["code"]) == (409, "checkout.requirements_unmet")
    # What nobody spoke of is counted with the first, so the totals are of the whole cart.
    assert [consigned["goods"] for consigned in cart["consignments"]] == [200, 100]
    whole = (await browser.http.put(f"/v1/store/carts/{cart['id']}/address", json=OHIO)).json()
    assert whole["consignments"] == []
    together = (await _split(browser, cart)).json()
    assert (together["consignments"], together["address"]["region"]) == ([], "OH")


@pytest.mark.usefixtures("delivering")
async def test_another_shoppers_cart_can_not_be_split(app: Any, browser: Browser, grocer: SeededShop) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=f"http://{grocer.host}") as http:
        await http.post("/v1/store/sessions", json={})
        answer = await _split(Browser(http), cart, _to(OHIO, None, (cart["lines"][0]["id"], 1)))
    assert (answer.status_code, answer.json()["code"]) == (404, "cart.not_found")


@pytest.mark.usefixtures("delivering")
async def test_the_delivery_is_given_back_by_itself_and_once(
    app: Any, browser: Browser, grocer: SeededShop, staff: httpx.AsyncClient
) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[1].variant_id, 2)
    (line,) = (line["id"] for line in cart["lines"])
    cart = (
        await _split(browser, cart, _to(OHIO, "standard", (line, 1)), _to(CALIFORNIA, "standard", (line, 1)))
    ).json()
    order = (await browser.complete(cart)).json()
    keys = iter("abcdefgh")

    async def give_back(**body: Any) -> httpx.Response:
        headers = {"Idempotency-Key": next(keys)}
        path = f"/v1/admin/orders/{order['id']}"
        if "cancel" in body:
            return await staff.post(f"{path}/cancel", json={"reason": "x"}, headers=headers)
        return await staff.post(f"{path}/refunds", json={"reason": "late", **body}, headers=headers)

    ohio = order["consignments"][0]["id"]
    once = (await give_back(shipping="all", consignment_id=ohio)).json()
    assert (once["refunded"]["amount"], once["shipping_credited"]) == (495 + 28, 523)
    again = await give_back(shipping="all", consignment_id=ohio)
    assert (again.status_code, again.json()["code"]) == (409, "orders.shipping_refund_too_high")
    more = await give_back(shipping=532)
    assert (more.json()["code"], more.json()["refundable"]) == ("orders.shipping_refund_too_high", 531)
    unknown = await give_back(shipping="all", consignment_id=order["id"])
    assert (unknown.status_code, unknown.json()["code"]) == (404, "orders.consignment_not_found")
    assert (await give_back(shipping=1)).json()["shipping_credited"] == 524
    assert (await give_back(shipping="all")).json()["refunded"]["amount"] == 523 + 531
    ended = (await give_back(cancel=True)).json()
    assert (ended["refunded"], ended["payment_state"]) == (order["total"], "refunded")
    assert await all_faults(app.state.core.database, grocer) == []


async def test_two_hands_give_the_delivery_back_once(
    database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    from commerce.cart import checking

    monkeypatch.setattr(
        checking, "compute", lambda lines, *, discounts, fees, to: compute(lines, to=[always(Terms(shipping=300))])
    )
    seeded = seed_shop(database_urls, "twice")
    database = Database(database_urls.app, pool_size=4)
    desk = await Desk.at(database, seeded)
    order = await desk.order(1)

    async def hand() -> str:
        try:
            async with database.tx(seeded.id) as tx:
                await refund_shipping(tx, order.id, STAFF, amount=200, reason="late")
        except (ShippingRefundTooHigh, RefundExceedsCaptured) as refused:
            return refused.code
        return "done"

    assert sorted(await asyncio.gather(*(hand() for _ in range(4)))) == [
        "done",
        *["orders.shipping_refund_too_high"] * 3,
    ]
    await desk.money.settle(seeded.id, order.id)
    assert await all_faults(database, seeded) == []
    await database.close()
