"""How and where to: asked before paying, in a shop that delivers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from commerce.taxes.vat_ids import Verdict
from tests.factories import SeededShop
from tests.storefront.conftest import Browser, form_of

Execute = Callable[..., list[tuple[Any, ...]]]
HOME = {
    "name": "Ada",
    "line1": "12 Canal St",
    "postal_code": "43215",
    "city": "Columbus",
    "region": "oh",
    "country": "US",
}


@pytest.fixture
def delivering(grocer: SeededShop, execute: Execute) -> None:
    """Sent within the US for 4.95, or collected; 10 % on top in Ohio, where the shop is."""
    for code, kind, price in (("standard", "ship", 495), ("collect", "collect", 0)):
        execute(
            "INSERT INTO delivery_method (tenant_id, id, code, name, kind, countries, price, max_days)"
            " VALUES (%s, gen_random_uuid(), %s, %s, %s, '{US}', %s, 3)",
            grocer.id,
            code,
            code.title(),
            kind,
            price,
        )
    execute(
        "INSERT INTO tax_policy (tenant_id, id, included, country, region)"
        " VALUES (%s, gen_random_uuid(), false, 'US', 'OH')",
        grocer.id,
    )
    execute(
        "INSERT INTO tax_rate (tenant_id, id, country, region, name, rate)"
        " VALUES (%s, gen_random_uuid(), 'US', 'OH', 'Ohio', 0.1)",
        grocer.id,
    )


@pytest.mark.usefixtures("delivering")
async def test_a_shopper_says_where_to_sees_the_whole_price_and_pays_it(browser: Browser, execute: Execute) -> None:
    await browser.add("tomato-soup", quantity=2)
    cart = await browser.see("/cart")
    assert "At checkout" in cart
    assert 'href="/checkout"' in cart
    asked = await browser.http.get("/checkout")
    assert (asked.status_code, asked.headers["location"]) == (303, "/checkout/delivery")

    form = form_of(await browser.see("/checkout/delivery"), "/checkout/delivery")
    wrong = await browser.send(form, code="standard", **{**HOME, "postal_code": "?"})
    assert (wrong.status_code, "Postal code" in wrong.text) == (422, True)
    assert (await browser.send(form, code="standard", **HOME)).headers["location"] == "/checkout"

    checkout = await browser.see("/checkout")
    assert "Ohio, 10 %" in checkout
    assert "Pay $7.65" in checkout
    paid = await browser.send(form_of(checkout, "/checkout"))
    order = await browser.see(paid.headers["location"])
    assert "12 Canal St" in order
    assert execute("SELECT total, tax, shipping_tax, shipping FROM orders") == [(200 + 495 + 70, 70, 50, 495)]


@pytest.mark.usefixtures("delivering")
async def test_what_is_collected_asks_for_no_address(browser: Browser) -> None:
    await browser.add("tomato-soup")
    form = form_of(await browser.see("/checkout/delivery"), "/checkout/delivery")
    assert (await browser.send(form, code="collect")).headers["location"] == "/checkout"
    assert "Pay $1.10" in await browser.see("/checkout")


async def test_a_shop_that_does_not_deliver_asks_for_nothing(browser: Browser) -> None:
    await browser.add("tomato-soup")
    assert (await browser.http.get("/checkout/delivery")).headers["location"] == "/checkout"


@pytest.mark.usefixtures("delivering")
async def test_a_shopper_chooses_a_time_and_is_told_when_one_is_missing(
    browser: Browser, execute: Execute, grocer: SeededShop
) -> None:
    execute(
        "INSERT INTO delivery_slot (tenant_id, id, method_id, weekday, begins, ends, capacity)"
        " SELECT %s, gen_random_uuid(), d.id, day, '10:00', '12:00', 1"
        " FROM delivery_method d, generate_series(0, 6) day WHERE d.code = 'collect'",
        grocer.id,
    )
    place = '{"name": "The shop", "line1": "Main St 1", "postal_code": null, "city": "Columbus", "opening_hours": ["9 to 18"]}'
    execute("UPDATE delivery_method SET place = %s WHERE code = 'collect'", place)
    await browser.add("tomato-soup")
    page = await browser.see("/checkout/delivery")
    offers = re.findall(r'<option value="([0-9a-f-]{36}/[0-9-]{10})"', page)
    assert 13 <= len(offers) <= 14
    form = form_of(page, "/checkout/delivery")
    missing = await browser.send(form, code="collect", slot="")
    assert (missing.status_code, "Choose a time" in missing.text) == (422, True)
    odd = await browser.send(form, code="collect", slot="soon")
    assert odd.status_code == 422
    assert (await browser.send(form, code="collect", slot=offers[2])).headers["location"] == "/checkout"
    checkout = await browser.see("/checkout")
    assert "10:00 to 12:00" in checkout
    order = await browser.see((await browser.send(form_of(checkout, "/checkout"))).headers["location"])
    (code,) = execute("SELECT delivery->>'collection_code' FROM orders")[0]
    assert code in order
    assert "Main St 1" in order
    assert "9 to 18" in order


@pytest.mark.usefixtures("delivering")
async def test_a_business_elsewhere_in_the_eu_sees_that_and_why_it_pays_no_vat(
    app: Any, browser: Browser, execute: Execute
) -> None:
    class Register:
        async def look_up(self, number: str) -> Verdict:
            return Verdict(valid=True, reference="WAPI")

    await browser.add("tomato-soup")
    assert "VAT number" not in await browser.see("/checkout/delivery")
    execute("UPDATE tax_policy SET country = 'DE', region = NULL, vat_id = 'DE136695976'")
    execute("UPDATE tax_rate SET country = 'AT', region = NULL, name = 'VAT'")
    execute("UPDATE delivery_method SET countries = '{AT}'")
    app.state.vat_register = Register()
    form = form_of(await browser.see("/checkout/delivery"), "/checkout/delivery")
    home = {**HOME, "region": "", "postal_code": "1010", "city": "Wien", "country": "AT"}
    wrong = await browser.send(form, code="standard", **home, vat_id="ATU1")
    assert (wrong.status_code, "isn" in wrong.text and "a VAT number" in wrong.text) == (422, True)
    await browser.send(form, code="standard", **home)
    assert "VAT, 10 %" in await browser.see("/checkout")
    await browser.send(form, code="standard", **home, vat_id="atu13585627")
    checkout = await browser.see("/checkout")
    assert "Article 138" in checkout
    assert "VAT number ATU13585627" in checkout
    order = await browser.see((await browser.send(form_of(checkout, "/checkout"))).headers["location"])
    assert "Article 138" in order
    assert execute("SELECT tax, vat_id->>'reference' FROM orders") == [(0, "WAPI")]


GRACE = {**HOME, "name": "Grace", "line1": "2 Side St", "city": "Cleveland", "postal_code": "44101"}


async def _split(browser: Browser, *units: int, **fields: str) -> httpx.Response:
    """Send so many of each line to another address."""
    form = form_of(await browser.see("/checkout/split"), "/checkout/split")
    names = [name for name in form.fields if name.startswith("units-")]
    chosen = {name: str(quantity) for name, quantity in zip(names, units, strict=False)}
    return await browser.send(form, code="standard", **{**GRACE, **fields}, **chosen)


@pytest.mark.usefixtures("delivering")
async def test_some_of_a_cart_is_sent_to_another_address(browser: Browser, execute: Execute) -> None:
    await browser.add("tomato-soup", quantity=3)
    await browser.add("orange-juice")
    assert "/checkout/split" in await browser.see("/cart")
    first = await browser.http.get("/checkout/split")
    assert first.headers["location"] == "/checkout/delivery"
    form = form_of(await browser.see("/checkout/delivery"), "/checkout/delivery")
    await browser.send(form, code="standard", **HOME)

    assert (await _split(browser, 2)).headers["location"] == "/checkout"
    page = await browser.see("/checkout/split")
    assert page.count("data-consignment=") == 2
    assert "2 Side St" in page
    assert (await _split(browser, 0, 1, name="Edith", line1="3 Far St")).headers["location"] == "/checkout"
    checkout = await browser.see("/checkout")
    assert 'data-consignments="3"' in checkout
    paid = await browser.send(form_of(checkout, "/checkout"))
    order = await browser.see(paid.headers["location"])
    for line1 in (HOME["line1"], "2 Side St", "3 Far St"):
        assert line1 in order
    assert execute(
        "SELECT c.address->>'name', sum(l.quantity) FROM order_consignment c"
        " JOIN order_line l ON l.consignment_id = c.id GROUP BY c.number, 1 ORDER BY c.number"
    ) == [(HOME["name"], 1), ("Grace", 2), ("Edith", 1)]


@pytest.mark.usefixtures("delivering")
async def test_what_can_not_be_split_is_told_and_changes_nothing(browser: Browser, execute: Execute) -> None:
    await browser.add("tomato-soup", quantity=2)
    form = form_of(await browser.see("/checkout/delivery"), "/checkout/delivery")
    await browser.send(form, code="standard", **HOME)
    for units, fields, said in (
        (0, {}, "Nothing goes there yet"),
        (2, {}, "Nothing is left for the first address"),
        (3, {}, "Nothing is left for the first address"),
        (1, {"postal_code": "?"}, "Postal code"),
        (1, {"name": "", "line1": "", "city": "", "postal_code": "", "region": "", "country": ""}, "Where to?"),
    ):
        refused = await _split(browser, units, **fields)
        assert (refused.status_code, said in refused.text) == (422, True), refused.text
    assert execute("SELECT consignments FROM cart") == [(None,)]


@pytest.mark.usefixtures("delivering")
async def test_a_split_cart_is_put_together_again(browser: Browser, execute: Execute) -> None:
    await browser.add("tomato-soup", quantity=2)
    form = form_of(await browser.see("/checkout/delivery"), "/checkout/delivery")
    await browser.send(form, code="standard", **HOME)
    await _split(browser, 1)
    page = await browser.see("/checkout/split")
    assert (await browser.send(form_of(page, "/checkout/split/together"))).headers["location"] == "/checkout/delivery"
    assert execute("SELECT consignments FROM cart") == [(None,)]
    assert "Pay" in await browser.see("/checkout")


@pytest.mark.usefixtures("delivering")
async def test_a_customer_keeps_an_address_and_the_next_cart_begins_with_it(browser: Browser) -> None:
    await browser.http.post("/account/sign-in", data={"reference": "household-1"})
    await browser.add("tomato-soup")
    assert 'value="12 Canal St"' not in await browser.see("/checkout/delivery")
    answer = await browser.http.post("/checkout/delivery", data={"code": "standard", "keep": "on", **HOME})
    assert answer.headers["location"] == "/checkout"
    assert "12 Canal St" in await browser.see("/account/addresses")

    other = {**HOME, "line1": "1 Main Street", "default_shipping": "on"}
    await browser.http.post("/account/addresses", data=other)
    assert 'value="12 Canal St"' in await browser.see("/checkout/delivery")
    choices = re.findall(r'href="(/checkout/delivery[?]address=[^"]+)"', await browser.see("/checkout/delivery"))
    assert len(choices) == 2
    assert 'value="1 Main Street"' in await browser.see(choices[0])
