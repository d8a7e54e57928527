"""Where a cart goes, how, and what is taxed there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from commerce.identity.staff import create_key
from tests.commerce.conftest import Browser
from tests.factories import SeededShop, seed_shop

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

HOME = {"name": "Ada Lovelace", "line1": "12 Canal St", "postal_code": "43215", "city": "Columbus", "country": "US"}
OHIO = {**HOME, "region": "OH"}


async def _put(staff: httpx.AsyncClient, path: str, **body: Any) -> httpx.Response:
    return await staff.put(f"/v1/admin/{path}", json=body)


@pytest.fixture
async def delivering(staff: httpx.AsyncClient) -> None:
    """Sent within the US for 495, free from 1000; to Germany for 1500; or collected. Taxed on top, from Ohio."""
    methods = {
        "standard": {"name": "Standard", "countries": ["US"], "price": 495, "free_from": 1000, "max_days": 4},
        "abroad": {"name": "Abroad", "countries": ["DE"], "price": 1500, "min_days": 5, "max_days": 9},
        "collect": {"name": "Collect", "kind": "collect", "price": 0},
    }
    for code, method in methods.items():
        assert (await _put(staff, f"delivery-methods/{code}", **method)).status_code == 200
    await _put(staff, "taxes/policy", included=False, country="US", region="OH")
    await _put(
        staff,
        "taxes/rates/US",
        rates=[
            {"name": "Ohio", "rate": "0.0575", "region": "OH"},
            {"name": "Franklin County", "rate": "0.0175", "region": "OH"},
            {"name": "California", "rate": "0.0725", "region": "CA"},
        ],
    )
    await _put(staff, "taxes/rates/DE", rates=[{"name": "VAT", "rate": "0.19"}])


async def _set(browser: Browser, cart: dict[str, Any], what: str, **body: Any) -> dict[str, Any]:
    answer = await browser.http.put(f"/v1/store/carts/{cart['id']}/{what}", json=body)
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.json()
    return changed


def _missing(cart: dict[str, Any]) -> list[str]:
    return [requirement["code"] for requirement in cart["requirements"]]


@pytest.mark.usefixtures("delivering")
async def test_a_cart_is_sent_where_its_shopper_says_and_taxed_there(
    browser: Browser, grocer: SeededShop, staff: httpx.AsyncClient
) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[1].variant_id, 3)
    assert _missing(cart) == ["checkout.delivery_missing", "checkout.address_missing"]
    assert [(tax["name"], tax["amount"]) for tax in cart["totals"]["taxes"]] == [("Ohio", 34), ("Franklin County", 10)]
    refused = await browser.complete(cart)
    assert (refused.status_code, refused.json()["code"]) == (409, "checkout.requirements_unmet")

    cart = await _set(browser, cart, "address", **HOME, region="CA")
    options = (await browser.http.get(f"/v1/store/carts/{cart['id']}/delivery-options")).json()["items"]
    assert [(option["code"], option["price"]) for option in options] == [("collect", 0), ("standard", 495)]
    cart = await _set(browser, cart, "delivery", code="standard")
    assert _missing(cart) == []
    assert (cart["totals"]["shipping"], cart["totals"]["tax"], cart["total"]["amount"]) == (
        495,
        44 + 36,
        600 + 495 + 80,
    )

    order = (await browser.complete(cart, expected_total=1175, key="key-2")).json()
    assert order["total"]["amount"] == sum(line["total"] + line["tax"] for line in order["lines"]) + 495 + 36
    assert (order["address"]["region"], order["delivery"]["code"]) == ("CA", "standard")
    (tax,) = order["taxes"]
    assert (tax["name"], tax["rate"], tax["base"], tax["amount"]) == ("California", "0.0725", 1095, 80)
    assert (tax["scheme"], order["rounding"]) == ("domestic", "half_even_per_line")
    cancelled = await staff.post(
        f"/v1/admin/orders/{order['id']}/cancel", json={"reason": "x"}, headers={"Idempotency-Key": "k"}
    )
    assert cancelled.json()["refunded"]["amount"] == 1175


@pytest.mark.usefixtures("delivering")
async def test_what_is_collected_is_taxed_where_the_shop_is_and_needs_no_address(
    browser: Browser, grocer: SeededShop
) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    cart = await _set(browser, cart, "delivery", code="collect")
    assert (_missing(cart), cart["totals"]["tax"]) == ([], 8)
    assert (await browser.complete(cart)).status_code == 201


@pytest.mark.usefixtures("delivering")
async def test_delivery_is_free_from_an_amount_and_stops_when_it_goes_there_no_more(
    browser: Browser, grocer: SeededShop, staff: httpx.AsyncClient
) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, 10)
    await _set(browser, cart, "address", **OHIO)
    cart = await _set(browser, cart, "delivery", code="standard")
    assert (cart["totals"]["shipping"], cart["delivery"]["price"]) == (0, 0)
    elsewhere = await _set(browser, cart, "address", **{**HOME, "country": "DE"})
    assert _missing(elsewhere) == ["checkout.delivery_unavailable"]
    (tax,) = elsewhere["totals"]["taxes"]
    assert (tax["name"], tax["base"], tax["amount"], tax["scheme"]) == ("VAT", 1000, 190, "destination")
    wrong = await browser.http.put(f"/v1/store/carts/{cart['id']}/delivery", json={"code": "standard"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "delivery.unavailable")
    await _put(staff, "delivery-methods/abroad", name="Abroad", price=1500, active=False)
    options = (await browser.http.get(f"/v1/store/carts/{cart['id']}/delivery-options")).json()["items"]
    assert [option["code"] for option in options] == ["collect"]


async def test_gst_is_split_within_a_state_and_whole_across(
    browser: Browser, grocer: SeededShop, staff: httpx.AsyncClient
) -> None:
    await _put(staff, "taxes/policy", included=True, country="IN", region="KA")
    rates = [
        {"name": "CGST", "rate": "0.09", "applies": "within_region"},
        {"name": "SGST", "rate": "0.09", "applies": "within_region"},
        {"name": "IGST", "rate": "0.18", "applies": "across_regions"},
    ]
    await _put(staff, "taxes/rates/IN", rates=rates)
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, 3)
    home = {**HOME, "country": "IN", "postal_code": "560001"}
    within = await _set(browser, cart, "address", **home, region="KA")
    across = await _set(browser, cart, "address", **home, region="MH")
    assert [(tax["name"], tax["amount"]) for tax in within["totals"]["taxes"]] == [("CGST", 23), ("SGST", 23)]
    assert [(tax["name"], tax["amount"]) for tax in across["totals"]["taxes"]] == [("IGST", 46)]
    assert within["total"]["amount"] == across["total"]["amount"] == 300


@pytest.mark.parametrize("currency", ["JPY", "INR", "KWD"])
@pytest.mark.parametrize("included", [True, False])
async def test_an_order_adds_up_in_any_currency(
    app: Any, database_urls: DatabaseUrls, currency: str, included: bool
) -> None:
    shop = seed_shop(database_urls, f"in-{currency.lower()}", currency=currency)
    async with app.state.core.database.transaction(shop.id) as session:
        _, token = await create_key(session, shop.id, name="Owner")
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    bearer = {"Authorization": f"Bearer {token}"}
    async with (
        httpx.AsyncClient(transport=transport, base_url=f"http://{shop.host}", headers=bearer) as staff,
        httpx.AsyncClient(transport=transport, base_url=f"http://{shop.host}") as http,
    ):
        await _put(staff, "taxes/policy", included=included, country="JP")
        await _put(staff, "taxes/rates/JP", rates=[{"name": "Consumption tax", "rate": "0.1"}])
        await http.post("/v1/store/sessions", json={})
        browser = Browser(http)
        cart = await browser.add(await browser.cart(), shop.products[2].variant_id, 7)
        cart = await browser.add(cart, shop.products[0].variant_id, 3)
        order = (await browser.complete(cart, expected_total=cart["total"]["amount"])).json()
        money = (await staff.get(f"/v1/admin/orders/{order['id']}/money")).json()
        (balance,) = (await staff.get("/v1/admin/ledger/trial-balance")).json()["currencies"]
    expected = 2400 if included else 2640
    assert order["total"] == {"amount": expected, "currency": currency}
    assert sum(line["total"] + (0 if included else line["tax"]) for line in order["lines"]) == expected
    assert order["tax"] == (218 if included else 240)
    assert [(payment["amount"], payment["currency"]) for payment in money["payments"]] == [(expected, currency)]
    assert (balance["currency"], balance["total"]) == (currency, 0)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("taxes/rates/US", {"rates": [{"name": "x", "rate": "1.5"}]}, "request.invalid_fields"),
        ("taxes/rates/US", {"rates": [{"name": "x", "rate": "-0.1"}]}, "request.invalid_fields"),
        ("taxes/rates/usa", {"rates": []}, "request.invalid_fields"),
        ("taxes/policy", {"included": "yes", "country": "US"}, "request.invalid_fields"),
        ("delivery-methods/x", {"name": "x", "price": -1}, "request.invalid_fields"),
        ("delivery-methods/x", {"name": "x", "price": 1, "min_days": 3, "max_days": 1}, "delivery.bad_days"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    staff: httpx.AsyncClient, path: str, body: dict[str, Any], code: str
) -> None:
    answer = await _put(staff, path, **body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


@pytest.mark.one_database
@pytest.mark.parametrize(
    "wrong", [{"country": "us"}, {"postal_code": ""}, {"name": ""}, {"vip": True}, {"region": "ohio"}]
)
async def test_an_address_that_makes_no_sense_is_refused(browser: Browser, wrong: dict[str, Any]) -> None:
    cart = await browser.cart()
    answer = await browser.http.put(f"/v1/store/carts/{cart['id']}/address", json={**OHIO, **wrong})
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid_fields")
