"""From a cart to an order, and every way it can go wrong."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.commerce.conftest import Browser
from tests.factories import SeededShop

STOCK = "SELECT received, available, reserved, sold, written_off FROM stock WHERE variant_id = %s"


@pytest.mark.both_homes
async def test_a_cart_becomes_an_order(browser: Browser, grocer: SeededShop, rows: Any) -> None:
    soup, juice = grocer.products[:2]
    cart = await browser.add(await browser.cart(), soup.variant_id, 2)
    cart = await browser.add(cart, juice.variant_id)
    assert cart["requirements"] == []
    assert cart["totals"]["total"] == 2 * soup.price + juice.price

    response = await browser.complete(cart, expected_total=cart["totals"]["total"], email="a@b.example")

    order = response.json()
    assert response.status_code == 201
    assert sum(line["total"] for line in order["lines"]) == order["total"]["amount"] == cart["totals"]["total"]
    assert (await browser.http.get(f"/v1/store/orders/{order['id']}")).json() == order
    assert [listed["id"] for listed in (await browser.http.get("/v1/store/orders")).json()["items"]] == [order["id"]]
    assert rows(STOCK, soup.variant_id) == [(100, 98, 2, 0, 0)]
    assert rows("SELECT status FROM payment") == [("captured",)]
    assert rows("SELECT sum(amount), count(*) FROM ledger_posting") == [(0, 2)]
    names = {name for (name,) in rows("SELECT name FROM outbox")}
    assert names == {"add_to_cart", "begin_checkout", "order.placed", "purchase", "payment.captured"}


async def test_the_sum_of_movements_is_the_balance(browser: Browser, grocer: SeededShop, rows: Any) -> None:
    for number, token in enumerate(("tok_ok", "tok_declined", "tok_ok")):
        cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, 3)
        await browser.complete(cart, token=token, key=f"try-{number}")
    [(received, available, reserved, sold, written_off)] = rows(STOCK, grocer.products[0].variant_id)
    moved = dict(
        rows(
            "SELECT m.kind, sum(m.quantity) FROM stock_movement m"
            " JOIN stock s ON (s.tenant_id, s.id) = (m.tenant_id, m.stock_id) WHERE s.variant_id = %s GROUP BY m.kind",
            grocer.products[0].variant_id,
        )
    )
    assert received == moved["receive"]
    assert sold == moved.get("sell", 0)
    assert reserved == moved["reserve"] - moved["release"] - moved.get("sell", 0) > 0
    assert available == received - sold - reserved - written_off


async def test_a_refused_payment_leaves_the_cart_open_and_nothing_held(
    browser: Browser, grocer: SeededShop, rows: Any
) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    response = await browser.complete(cart, token="tok_declined")
    assert (response.status_code, response.json()["code"]) == (402, "payments.refused")
    assert response.json()["reason"] == "card_declined"
    assert rows(STOCK, grocer.products[0].variant_id) == [(100, 100, 0, 0, 0)]
    assert rows("SELECT count(*) FROM orders") == [(0,)]
    again = await browser.complete(cart, token="tok_ok", key="another-try")
    assert again.status_code == 201


async def test_an_unreachable_provider_leaves_the_cart_open(browser: Browser, grocer: SeededShop, rows: Any) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    response = await browser.complete(cart, token="tok_unavailable")
    assert (response.status_code, response.json()["code"]) == (503, "payments.provider_unavailable")
    assert rows(STOCK, grocer.products[0].variant_id) == [(100, 100, 0, 0, 0)]
    assert (await browser.complete(cart)).status_code == 201


async def test_the_same_key_replays_the_first_answer(browser: Browser, grocer: SeededShop, rows: Any) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    first = await browser.complete(cart, key="once")
    again = await browser.complete(cart, key="once")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert rows("SELECT count(*) FROM orders") == [(1,)]


async def test_the_same_key_with_another_body_is_refused(browser: Browser, grocer: SeededShop) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    await browser.complete(cart, key="once")
    other = await browser.complete(cart, key="once", token="tok_declined")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency.key_reused")


async def test_twenty_clicks_at_once_make_one_order(browser: Browser, grocer: SeededShop, rows: Any) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    answers = await asyncio.gather(*(browser.complete(cart, key="same") for _ in range(20)))
    codes = {answer.status_code for answer in answers}
    assert codes <= {201, 409}
    assert 201 in codes
    assert rows("SELECT count(*) FROM orders") == [(1,)]
    assert rows(STOCK, grocer.products[0].variant_id) == [(100, 99, 1, 0, 0)]


async def test_other_keys_for_the_same_cart_make_one_order(browser: Browser, grocer: SeededShop, rows: Any) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    answers = await asyncio.gather(*(browser.complete(cart, key=f"key-{n}") for n in range(10)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    assert rows("SELECT status, count(*) FROM payment GROUP BY status") == [("captured", 1)]
    assert rows("SELECT count(*) FROM orders") == [(1,)]


async def test_without_a_key_nothing_is_done(browser: Browser, grocer: SeededShop) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    response = await browser.http.post(f"/v1/store/carts/{cart['id']}/complete", json={"payment": {"token": "tok_ok"}})
    assert (response.status_code, response.json()["code"]) == (400, "idempotency.key_required")


async def test_a_changed_price_must_be_accepted_first(browser: Browser, grocer: SeededShop, rows: Any) -> None:
    sold = grocer.products[0]
    cart = await browser.add(await browser.cart(), sold.variant_id)
    rows("UPDATE price SET amount = 777 WHERE variant_id = %s", sold.variant_id)

    refused = await browser.complete(cart)
    assert (refused.status_code, refused.json()["code"]) == (409, "checkout.requirements_unmet")
    assert [r["code"] for r in refused.json()["requirements"]] == ["cart.price_changed"]
    shown = (await browser.http.get(f"/v1/store/carts/{cart['id']}")).json()
    assert [(r["code"], r["unit_price"]) for r in shown["requirements"]] == [("cart.price_changed", 777)]

    accepted = (await browser.http.post(f"/v1/store/carts/{cart['id']}/accept-prices")).json()
    assert accepted["requirements"] == []
    order = (await browser.complete(accepted, key="key-2")).json()
    assert order["total"]["amount"] == 777


async def test_a_total_other_than_the_one_shown_is_refused(browser: Browser, grocer: SeededShop) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    response = await browser.complete(cart, expected_total=1)
    assert (response.status_code, response.json()["code"]) == (409, "checkout.total_changed")


async def test_more_than_there_is_can_not_be_bought(browser: Browser, grocer: SeededShop, rows: Any) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, 101)
    assert [(r["code"], r["available"]) for r in cart["requirements"]] == [("inventory.out_of_stock", 100)]
    response = await browser.complete(cart)
    assert (response.status_code, response.json()["code"]) == (409, "checkout.requirements_unmet")
    assert rows("SELECT count(*) FROM payment") == [(0,)]


async def test_an_empty_cart_can_not_be_completed(browser: Browser) -> None:
    response = await browser.complete(await browser.cart())
    assert [r["code"] for r in response.json()["requirements"]] == ["cart.empty"]


@pytest.mark.one_database
@pytest.mark.parametrize("quantity", [0, -1, 2**31, 10_000, True, 1.5, "2", None])
async def test_a_quantity_that_makes_no_sense_is_refused(
    browser: Browser, grocer: SeededShop, quantity: object
) -> None:
    cart = await browser.cart()
    response = await browser.http.post(
        f"/v1/store/carts/{cart['id']}/lines",
        json={"variant_id": str(grocer.products[0].variant_id), "quantity": quantity},
    )
    assert (response.status_code, response.json()["code"]) == (422, "request.invalid_fields")


async def test_lines_of_one_variant_are_one_line(browser: Browser, grocer: SeededShop) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, 2)
    cart = await browser.add(cart, grocer.products[0].variant_id, 3)
    assert [line["quantity"] for line in cart["lines"]] == [5]
    line = cart["lines"][0]["id"]
    changed = (await browser.http.patch(f"/v1/store/carts/{cart['id']}/lines/{line}", json={"quantity": 1})).json()
    assert changed["lines"][0]["quantity"] == 1
    emptied = (await browser.http.delete(f"/v1/store/carts/{cart['id']}/lines/{line}")).json()
    assert emptied["lines"] == []


async def test_a_visitors_cart_comes_along_at_sign_in(client: httpx.AsyncClient, grocer: SeededShop) -> None:
    soup, juice = grocer.products[:2]
    await client.post("/v1/store/sessions", json={"reference": "household-1"})
    known = Browser(client)
    await known.add(await known.cart(), soup.variant_id, 1)
    await client.delete("/v1/store/sessions/current")
    client.cookies.clear()
    await client.post("/v1/store/sessions", json={})
    await known.add(await known.cart(), soup.variant_id, 2)
    await known.add(await known.cart(), juice.variant_id, 1)

    await client.post("/v1/store/sessions", json={"reference": "household-1"})

    cart = await known.cart()
    assert {line["sku"]: line["quantity"] for line in cart["lines"]} == {"SKU0": 3, "SKU1": 1}


async def test_a_visitor_whose_payment_was_refused_can_sign_in(client: httpx.AsyncClient, grocer: SeededShop) -> None:
    soup, juice = grocer.products[:2]
    browser = Browser(client)
    await client.post("/v1/store/sessions", json={"reference": "household-1"})
    await browser.add(await browser.cart(), soup.variant_id)
    await client.delete("/v1/store/sessions/current")
    client.cookies.clear()
    await client.post("/v1/store/sessions", json={})
    visiting = await browser.add(await browser.cart(), juice.variant_id)
    assert (await browser.complete(visiting, token="tok_declined")).status_code == 402

    assert (await client.post("/v1/store/sessions", json={"reference": "household-1"})).status_code == 201

    assert {line["sku"] for line in (await browser.cart())["lines"]} == {"SKU0", "SKU1"}
    gone = await client.get(f"/v1/store/carts/{visiting['id']}")
    assert (gone.status_code, gone.json()["code"]) == (404, "cart.not_found")


@pytest.mark.both_homes
async def test_another_shoppers_cart_and_order_do_not_exist(browser: Browser, grocer: SeededShop, app: Any) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    order = (await browser.complete(cart)).json()
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}") as stranger:
        await stranger.post("/v1/store/sessions", json={"reference": "household-2"})
        assert (await stranger.get(f"/v1/store/carts/{cart['id']}")).json()["code"] == "cart.not_found"
        assert (await stranger.get(f"/v1/store/orders/{order['id']}")).json()["code"] == "orders.not_found"


@pytest.mark.both_homes
async def test_another_tenants_session_and_products_are_worth_nothing_here(
    browser: Browser, grocer: SeededShop, fashion: SeededShop
) -> None:
    cart = await browser.cart()
    theirs = await browser.http.post(
        f"/v1/store/carts/{cart['id']}/lines", json={"variant_id": str(fashion.products[0].variant_id)}
    )
    assert (theirs.status_code, theirs.json()["code"]) == (422, "catalog.variant_not_for_sale")
    elsewhere = await browser.http.get(f"/v1/store/carts/{cart['id']}", headers={"Host": fashion.host})
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (401, "identity.session_unknown")


async def test_an_expired_session_is_told_so(browser: Browser, rows: Any) -> None:
    rows("UPDATE session SET expires_at = now() - interval '1 second'")
    response = await browser.http.post("/v1/store/carts")
    assert (response.status_code, response.json()["code"]) == (401, "identity.session_expired")


async def test_unknown_cart_is_told_so(browser: Browser) -> None:
    response = await browser.http.get(f"/v1/store/carts/{uuid4()}")
    assert (response.status_code, response.json()["code"]) == (404, "cart.not_found")
