"""What a shopper sees of goods that have to come in first, and of bundles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from foundation.ids import new_id
from tests.factories import SeededShop
from tests.storefront.conftest import Browser, form_of

Execute = Callable[..., list[tuple[Any, ...]]]
POLICY = (
    "INSERT INTO stock_policy (tenant_id, id, variant_id, backorder_limit, available_from) VALUES (%s, %s, %s, %s, %s)"
)
PROMISED = "Ships from 12 December 2099"


async def test_the_promised_day_is_shown_from_the_product_to_the_order(
    browser: Browser, grocer: SeededShop, execute: Execute
) -> None:
    soup = grocer.products[0]
    execute("UPDATE stock SET available = 0, written_off = received WHERE variant_id = %s", soup.variant_id)
    assert "Sold out for now" in await browser.see(f"/p/{soup.handle}")
    execute(POLICY, grocer.id, new_id(), soup.variant_id, 3, "2099-12-12")
    assert PROMISED in await browser.see(f"/p/{soup.handle}")

    await browser.add(soup.handle, quantity=4)
    assert "Only 3 left." in await browser.see("/cart")
    cart = await browser.see("/cart")
    assert PROMISED not in cart
    line = cart.split('data-line="')[1].split('"')[0]
    await browser.send(form_of(cart, f"/cart/lines/{line}", quantity="3"))
    assert PROMISED in await browser.see("/cart")
    paid = await browser.send(form_of(await browser.see("/checkout"), "/checkout"), email="a@example.com")
    assert PROMISED in await browser.see(paid.headers["location"])
    assert "Sold out for now" in await browser.see(f"/p/{soup.handle}")

    execute("UPDATE order_line SET fulfilled = quantity")
    assert PROMISED not in await browser.see(paid.headers["location"])


async def test_what_is_there_is_promised_for_no_day(browser: Browser, grocer: SeededShop) -> None:
    await browser.add(grocer.products[0].handle)
    assert "data-promised" not in await browser.see(f"/p/{grocer.products[0].handle}")
    assert "data-promised" not in await browser.see("/cart")
