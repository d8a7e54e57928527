"""What a shopper can do to an order from its page."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
from PIL import Image

from commerce.orders import fulfilling
from commerce.orders.held import Actor
from tests.factories import SeededShop
from tests.storefront.conftest import Browser, form_of, forms_of

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
    assert f'"{address}/returns"' not in page


async def test_what_the_shop_says_of_an_order_is_on_its_page_and_what_staff_say_among_themselves_is_not(
    browser: Browser, execute: Execute
) -> None:
    address = await _buy(browser)
    for note, visible in (("Leaves <b>tomorrow</b>", True), ("A difficult one", False)):
        execute(
            "INSERT INTO order_entry (tenant_id, id, order_id, kind, actor, note, visible)"
            " SELECT tenant_id, gen_random_uuid(), id, 'note', 'staff:x', %s, %s FROM orders",
            note,
            visible,
        )
    page = await browser.see(address)
    assert ("Leaves &lt;b&gt;tomorrow" in page, "A difficult one" in page) == (True, False)


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


async def _delivered(browser: Browser, execute: Execute) -> str:
    address = await _buy(browser)
    execute("UPDATE order_line SET fulfilled = quantity")
    execute("UPDATE orders SET fulfilment_state = 'delivered', status = 'delivered'")
    return address


async def test_what_was_sent_is_exchanged_for_another_variant_at_the_price_that_was_shown(
    browser: Browser, execute: Execute
) -> None:
    address = await _delivered(browser, execute)
    execute(
        "WITH made AS (INSERT INTO variant (tenant_id, id, product_id, sku, title)"
        " SELECT tenant_id, gen_random_uuid(), product_id, 'SOUP-L', 'Large' FROM order_line RETURNING tenant_id, id),"
        " priced AS (INSERT INTO price (tenant_id, id, variant_id, currency, amount)"
        " SELECT tenant_id, gen_random_uuid(), id, 'USD', 150 FROM made)"
        " INSERT INTO stock (tenant_id, id, warehouse_id, variant_id, received, available)"
        " SELECT m.tenant_id, gen_random_uuid(), w.id, m.id, 5, 5 FROM made m JOIN warehouse w USING (tenant_id)"
    )
    page = await browser.see(address)
    assert "Large, $1.50 each" in page
    (large,) = execute("SELECT id::text FROM variant WHERE sku = 'SOUP-L'")[0]
    asked = {"quantity": "1", "reason": "damaged", "instead": large}
    shown = await browser.send(form_of(page, f"{address}/returns"), **asked)
    assert (shown.status_code, 'data-difference="50"' in shown.text) == (200, True)
    assert execute("SELECT count(*) FROM order_return") == [(0,)]

    execute("UPDATE price SET amount = 170 WHERE variant_id = %s", large)
    stale = await browser.send(form_of(shown.text, f"{address}/returns"))
    assert (stale.status_code, "orders.difference_changed" in stale.text) == (409, True)
    shown = await browser.send(form_of(await browser.see(address), f"{address}/returns"), **asked)
    assert (await browser.send(form_of(shown.text, f"{address}/returns"))).status_code == 303
    assert "Exchange" in await browser.see(address)
    assert execute("SELECT kind, status, preview->>'difference' FROM order_change") == [("exchange", "draft", "70")]


async def test_what_came_wrong_is_said_from_the_page_and_what_the_shop_answers_is_seen(
    browser: Browser, execute: Execute
) -> None:
    address = await _delivered(browser, execute)
    form = form_of(await browser.see(address), f"{address}/claims")
    wrong = await browser.send(form, quantity="1", reason="ugly")
    assert (wrong.status_code, "request.invalid_fields" in wrong.text) == (422, True)
    for _ in range(2):
        assert (await browser.send(form, quantity="1", reason="missing", note="One was gone")).status_code == 303
    assert execute("SELECT status, note FROM order_claim") == [("open", "One was gone")]
    page = await browser.see(address)
    assert ('data-claim="open"' in page, "It was not in the parcel" in page) == (True, True)
    execute("UPDATE order_claim SET status = 'rejected', answer = 'We weighed it'")
    page = await browser.see(address)
    assert ("We weighed it" in page, "/claims/" in page) == (True, False)


async def test_the_code_of_a_gift_card_that_was_bought_is_shown_once(
    browser: Browser, execute: Execute, app: Any, grocer: SeededShop
) -> None:
    execute("UPDATE product SET gift_card = true, tax_class = 'gift-card' WHERE handle = 'tomato-soup'")
    address = await _buy(browser)
    async with app.state.core.database.tx(grocer.id) as tx:
        await fulfilling.fulfil(tx, UUID(address.rpartition("/")[2]), Actor("staff", "staff:x"))
    page = await browser.see(address)
    form = next(form for form in forms_of(page) if form.action.endswith("/code"))
    shown, again = [await browser.send(form) for _ in range(2)]
    assert (shown.status_code, shown.headers["cache-control"], "data-code" in shown.text) == (200, "no-store", True)
    assert ("data-code" in again.text, "shown before" in again.text) == (False, True)
    assert "Its code ends in" in await browser.see(address)


async def test_a_photo_goes_with_a_return_and_is_seen_by_its_owner_alone(browser: Browser, execute: Execute) -> None:
    address = await _delivered(browser, execute)
    asked = form_of(await browser.see(address), f"{address}/returns")
    assert (await browser.send(asked, quantity="1", reason="damaged", instead="")).status_code == 303
    (back,) = execute("SELECT id::text FROM order_return")[0]
    form = form_of(await browser.see(address), f"{address}/returns/{back}/photos")
    origin = {"Origin": str(browser.http.base_url).rstrip("/")}

    async def send(name: str, body: bytes, key: str) -> httpx.Response:
        return await browser.http.post(
            form.action, data={"idempotency_key": key}, files={name: ("it.png", body, "image/png")}, headers=origin
        )

    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(picture, "PNG")
    for _ in range(2):
        sent = await send("photo", picture.getvalue(), "once")
        assert sent.status_code == 303, sent.text
    assert execute("SELECT count(*) FROM return_photo") == [(1,)]
    (photo,) = execute("SELECT id::text FROM return_photo")[0]
    where = f"{address}/returns/{back}/photos/{photo}"
    assert where in await browser.see(address)
    assert (await browser.http.get(where)).headers["content-type"] == "image/jpeg"
    refused = await send("photo", b"no picture", "other")
    assert (refused.status_code, "orders.not_a_photo" in refused.text) == (415, True)
    assert (await send("file", picture.getvalue(), "third")).status_code == 422
    execute("UPDATE orders SET visitor_id = gen_random_uuid()")
    assert (await browser.http.get(where)).status_code == 404


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


async def _sent_to_ohio(browser: Browser, execute: Execute) -> str:
    where = await _buy(browser)
    execute(
        "UPDATE orders SET address = CAST(%s AS jsonb), delivery = CAST(%s AS jsonb)",
        json.dumps(ADDRESS),
        json.dumps(PARCEL),
    )
    return where


async def test_an_order_that_has_not_left_is_sent_next_door_once_the_shopper_has_seen_what_that_means(
    browser: Browser, execute: Execute
) -> None:
    where = await _sent_to_ohio(browser, execute)
    form = form_of(await browser.see(where), f"{where}/address")
    drafted = await browser.send(form, line1="14 Main Street")
    preview = drafted.headers["location"]
    page = await browser.see(preview)
    assert ("14 Main Street" in page, "It costs the same" in page) == (True, True)
    assert execute("SELECT address->>'line1' FROM orders") == [("12 Main Street",)]
    confirm = form_of(page, f"{preview}/confirm")
    for _ in range(2):
        assert (await browser.send(confirm)).status_code == 303
    assert "14 Main Street" in await browser.see(where)
    assert execute("SELECT address->>'line1', address->>'country', version FROM orders") == [
        ("14 Main Street", "US", 2)
    ]
    nowhere = await browser.send(form_of(await browser.see(where), f"{where}/address"), postal_code="?")
    assert nowhere.status_code == 422


async def test_an_order_goes_abroad_another_way_that_is_paid_afterwards(browser: Browser, execute: Execute) -> None:
    where = await _sent_to_ohio(browser, execute)
    for code, price, countries in (("parcel", 0, "{US}"), ("abroad", 900, "{}")):
        execute(
            "INSERT INTO delivery_method (tenant_id, id, code, name, price, countries, min_days, max_days)"
            " SELECT tenant_id, gen_random_uuid(), %s, %s, %s, CAST(%s AS text[]), 0, 3 FROM orders",
            code,
            code.title(),
            price,
            countries,
        )
    form = form_of(await browser.see(where), f"{where}/address")
    abroad = {"country": "de", "region": "", "postal_code": "10115", "city": "Berlin"}
    assert "delivery.unavailable" in (await browser.send(form, **abroad)).text
    again = form_of(await browser.see(where), f"{where}/address")
    preview = (await browser.send(again, **abroad, delivery="abroad")).headers["location"]
    page = await browser.see(preview)
    assert ('data-difference="900"' in page, "You pay" in page) == (True, True)
    assert (await browser.send(form_of(page, f"{preview}/confirm"))).status_code == 303
    page = await browser.see(where)
    assert "costs $9.00 more" in page
    assert execute("SELECT address->>'country' FROM orders") == [("US",)]
    (change,) = execute("SELECT id::text FROM order_change")[0]
    assert f"{where}/changes/{change}/pay" in page
    assert (await browser.send(form_of(page, f"{where}/edits/{change}/cancel"))).status_code == 303
    assert "costs $9.00 more" not in await browser.see(where)


async def test_units_are_taken_out_of_an_order_as_shown_or_not_at_all(browser: Browser, execute: Execute) -> None:
    where = await _buy(browser)
    form = form_of(await browser.see(where), f"{where}/units")
    (field,) = (name for name in form.fields if name.startswith("units-"))
    kept = (await browser.send(form, **{field: "1"})).headers["location"]
    assert "You get back" in await browser.see(kept)
    assert (await browser.send(form_of(await browser.see(kept), f"{kept}/cancel"))).status_code == 303
    assert execute("SELECT sum(cancelled) FROM order_line") == [(0,)]
    for value in ("-1", "1.5", "", "x"):
        refused = await browser.send(form_of(await browser.see(where), f"{where}/units"), **{field: value})
        assert (refused.status_code, "request.invalid_fields" in refused.text) == (422, True), value
    none_left = await browser.send(form_of(await browser.see(where), f"{where}/units"), **{field: "0"})
    assert "orders.edit_leaves_nothing" in none_left.text

    preview = (await browser.send(form_of(await browser.see(where), f"{where}/units"), **{field: "1"})).headers[
        "location"
    ]
    confirm = form_of(await browser.see(preview), f"{preview}/confirm")
    assert (await browser.send(confirm)).status_code == 303
    assert execute("SELECT sum(cancelled), (SELECT sum(amount) FROM refund) FROM order_line") == [(1, 100)]
    late = await browser.see(preview, status=303)
    assert late == ""


async def test_nobody_elses_change_is_seen_or_confirmed(browser: Browser, execute: Execute) -> None:
    where = await _buy(browser)
    form = form_of(await browser.see(where), f"{where}/units")
    (field,) = (name for name in form.fields if name.startswith("units-"))
    preview = (await browser.send(form, **{field: "1"})).headers["location"]
    confirm = form_of(await browser.see(preview), f"{preview}/confirm")
    execute("UPDATE orders SET visitor_id = gen_random_uuid()")
    await browser.see(preview, status=404)
    assert (await browser.send(confirm)).status_code == 404
    assert execute("SELECT sum(cancelled) FROM order_line") == [(0,)]


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
