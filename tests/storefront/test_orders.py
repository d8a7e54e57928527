"""What a shopper can do to an order from its page."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.factories import SeededShop
from tests.storefront.conftest import Browser, form_of

Execute = Callable[..., list[tuple[Any, ...]]]


async def _buy(browser: Browser) -> str:
    await browser.add("tomato-soup", quantity=2)
    paid = await browser.send(form_of(await browser.see("/checkout"), "/checkout"), email="a@example.com")
    address: str = paid.headers["location"]
    return address


async def test_an_order_is_cancelled_from_its_page_once(browser: Browser, execute: Execute) -> None:
    address = await _buy(browser)
    form = form_of(await browser.see(address), f"{address}/cancel")
    first, again = await browser.send(form), await browser.send(form)
    assert (first.status_code, again.status_code) == (303, 303)
    page = await browser.see(address)
    assert 'data-status="cancelled"' in page
    assert "Given back" in page
    assert f"{address}/cancel" not in page
    assert execute("SELECT count(*), sum(amount) FROM refund") == [(1, 200)]


async def test_what_was_sent_can_be_sent_back_but_not_cancelled(
    browser: Browser, grocer: SeededShop, execute: Execute
) -> None:
    address = await _buy(browser)
    late = form_of(await browser.see(address), f"{address}/cancel")
    execute("UPDATE order_line SET fulfilled = quantity")
    execute("UPDATE orders SET fulfilment_state = 'delivered', status = 'delivered'")

    refused = await browser.send(late)
    assert refused.status_code == 409
    assert "orders.illegal_transition" in refused.text

    asked = form_of(await browser.see(address), f"{address}/returns")
    too_many = await browser.send(asked, quantity="3", reason="damaged")
    assert (too_many.status_code, "orders.too_many_units" in too_many.text) == (409, True)
    assert (
        await browser.send(form_of(too_many.text, f"{address}/returns"), quantity="2", reason="damaged")
    ).status_code == 303
    page = await browser.see(address)
    assert "Requested" in page
    assert f"{address}/returns" not in page


async def test_nobody_elses_order_can_be_touched(browser: Browser, execute: Execute) -> None:
    address = await _buy(browser)
    form = form_of(await browser.see(address), f"{address}/cancel")
    execute("UPDATE orders SET visitor_id = gen_random_uuid()")
    assert (await browser.send(form)).status_code == 404
    assert execute("SELECT status FROM orders") == [("confirmed",)]


async def test_an_order_is_put_into_the_cart_again(browser: Browser, execute: Execute) -> None:
    address = await _buy(browser)
    again = await browser.send(form_of(await browser.see(address), f"{address}/reorder"))
    assert (again.status_code, again.headers["location"]) == (303, "/cart")
    assert "in your cart again" in await browser.see("/cart")
    execute("UPDATE product SET status = 'draft'")
    part = await browser.send(form_of(await browser.see(address), f"{address}/reorder"))
    assert part.status_code == 303
    assert "can&#39;t be had" in await browser.see("/cart")


async def test_what_was_sent_is_exchanged_for_the_same_again_and_followed(browser: Browser, execute: Execute) -> None:
    address = await _buy(browser)
    execute("UPDATE order_line SET fulfilled = quantity")
    execute("UPDATE orders SET fulfilment_state = 'delivered', status = 'delivered'")
    asked = form_of(await browser.see(address), f"{address}/returns")
    assert (await browser.send(asked, quantity="1", reason="damaged", instead="same")).status_code == 303
    assert "Exchange" in await browser.see(address)
    assert execute("SELECT kind, status FROM order_change") == [("exchange", "draft")]


ADDRESS = {
    "name": "Ada Byron",
    "line1": "12 Main Street",
    "line2": None,
    "postal_code": "43004",
    "city": "Columbus",
    "region": "OH",
    "country": "US",
    "phone": None,
}
PARCEL = {
    "code": "parcel",
    "name": "Parcel",
    "kind": "ship",
    "price": 0,
    "earliest": "2026-11-27",
    "latest": "2026-11-29",
}


async def test_an_order_that_has_not_left_is_sent_next_door(browser: Browser, execute: Execute) -> None:
    where = await _buy(browser)
    execute(
        "UPDATE orders SET address = CAST(%s AS jsonb), delivery = CAST(%s AS jsonb)",
        json.dumps(ADDRESS),
        json.dumps(PARCEL),
    )
    form = form_of(await browser.see(where), f"{where}/address")
    assert (await browser.send(form, line1="14 Main Street")).status_code == 303
    assert "14 Main Street" in await browser.see(where)
    assert execute("SELECT address->>'line1', address->>'country', version FROM orders") == [
        ("14 Main Street", "US", 2)
    ]
    nowhere = await browser.send(form_of(await browser.see(where), f"{where}/address"), postal_code="?")
    assert nowhere.status_code == 422


async def test_a_parcel_is_followed_on_the_page(browser: Browser, execute: Execute) -> None:
    where = await _buy(browser)
    execute(
        "INSERT INTO fulfilment (tenant_id, id, order_id, status, carrier, tracking_number)"
        " SELECT tenant_id, gen_random_uuid(), id, 'out_for_delivery', 'DHL', 'JD1' FROM orders"
    )
    execute(
        "INSERT INTO fulfilment_line (tenant_id, id, fulfilment_id, order_line_id, quantity)"
        " SELECT f.tenant_id, gen_random_uuid(), f.id, l.id, l.quantity FROM fulfilment f JOIN order_line l"
        " USING (tenant_id, order_id)"
    )
    for hour, status in enumerate(("in_transit", "out_for_delivery")):
        execute(
            "INSERT INTO carrier_event (tenant_id, id, carrier, event_id, tracking_number, status, occurred_at, place,"
            " fulfilment_id) SELECT tenant_id, gen_random_uuid(), 'dhl', %s, 'JD1', %s,"
            " now() + %s * interval '1 hour', 'Columbus', id FROM fulfilment",
            status,
            status,
            hour,
        )
    page = await browser.see(where)
    assert page.index('data-tracking="out_for_delivery"') < page.index('data-tracking="in_transit"')
    assert "Columbus" in page
