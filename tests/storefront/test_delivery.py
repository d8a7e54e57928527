"""How and where to: asked before paying, in a shop that delivers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

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
