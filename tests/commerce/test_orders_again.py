"""The same again, too late to cancel, many at once, and guests who guess."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx

from commerce.throttling import service as throttling
from commerce.throttling.service import Limit
from foundation import clock
from foundation.database import Database
from foundation.errors import TooMany
from tests.factories import SeededShop

if TYPE_CHECKING:
    from tests.commerce.conftest import Browser


async def _order(browser: Browser, grocer: SeededShop, key: str = "key-1") -> dict[str, Any]:
    """Three soups and a juice."""
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, 3)
    cart = await browser.add(cart, grocer.products[1].variant_id)
    placed: dict[str, Any] = (await browser.complete(cart, key=key, email="a@b.example")).json()
    return placed


async def _post(http: httpx.AsyncClient, where: str, body: Any = None, key: str | None = None) -> httpx.Response:
    return await http.post(where, json=body, headers={"Idempotency-Key": key or str(uuid4())})


async def test_what_can_be_had_goes_into_the_cart_and_the_rest_is_named(
    browser: Browser, grocer: SeededShop, rows: Any
) -> None:
    order = await _order(browser, grocer)
    soup, juice = grocer.products[:2]
    rows("UPDATE stock SET available = 2, received = 2 + reserved WHERE variant_id = %s", soup.variant_id)
    rows("UPDATE product SET status = 'draft' WHERE id = %s", juice.product_id)
    where = f"/v1/store/orders/{order['id']}/reorder"
    answer = await _post(browser.http, where, key="again")
    assert answer.status_code == 201, answer.text
    said = answer.json()
    assert [(line["variant_id"], line["quantity"]) for line in said["cart"]["lines"]] == [(str(soup.variant_id), 2)]
    assert {(left["title"], left["quantity"], left["code"]) for left in said["left_out"]} == {
        ("Tomato soup", 1, "inventory.out_of_stock"),
        ("Orange juice", 1, "catalog.variant_not_for_sale"),
    }
    assert (await _post(browser.http, where, key="again")).json() == said
    assert (await _post(browser.http, f"/v1/store/orders/{uuid4()}/reorder")).status_code == 404


async def test_a_shopper_has_so_many_minutes_to_cancel_and_staff_have_longer(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop
) -> None:
    await staff.put("/v1/admin/order-rules", json={"cancel_minutes": 30})
    order = await _order(browser, grocer)
    late = clock.now() + timedelta(minutes=31)
    with clock.use(lambda: late):
        refused = await _post(browser.http, f"/v1/store/orders/{order['id']}/cancel", {})
        assert (refused.status_code, refused.json()["code"]) == (409, "orders.cancel_window_closed")
        line = {"action": "set_quantity", "line_id": order["lines"][0]["id"], "quantity": 1}
        edit = await _post(browser.http, f"/v1/store/orders/{order['id']}/edits", {"actions": [line]})
        assert (edit.status_code, edit.json()["code"]) == (409, "orders.cancel_window_closed")
        done = await _post(staff, f"/v1/admin/orders/{order['id']}/cancel", {"reason": "asked for"})
        assert done.json()["status"] == "cancelled"
    another = await _order(browser, grocer, key="another")
    assert (await _post(browser.http, f"/v1/store/orders/{another['id']}/cancel", {})).status_code == 200


async def test_many_orders_are_sent_or_given_up_once_for_a_key(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, rows: Any
) -> None:
    one, other = [await _order(browser, grocer, key=key) for key in ("one", "other")]
    parcels = {"parcels": [{"order_id": one["id"]}, {"order_id": str(uuid4())}]}
    sent = await _post(staff, "/v1/admin/orders/fulfilments", parcels, key="bulk")
    assert [item["problem"] for item in sent.json()["items"]] == [None, "orders.not_found"]
    again = await _post(staff, "/v1/admin/orders/fulfilments", parcels, key="bulk")
    assert (again.json(), again.headers["idempotency-replayed"]) == (sent.json(), "true")
    without = await staff.post("/v1/admin/orders/fulfilments", json=parcels)
    assert (without.status_code, without.json()["code"]) == (400, "idempotency.key_required")

    both = {"order_ids": [one["id"], other["id"], other["id"]], "reason": "closing down"}
    given_up = await _post(staff, "/v1/admin/orders/cancellations", both)
    assert [item["problem"] for item in given_up.json()["items"]] == ["orders.illegal_transition", None]
    assert rows("SELECT sum(amount) FROM refund WHERE status = 'succeeded'") == [(500,)]


async def test_an_order_number_can_not_be_guessed_for_long(browser: Browser, grocer: SeededShop) -> None:
    order = await _order(browser, grocer)
    wrong = {"number": order["number"], "email": "someone@else.example"}
    answers = [await browser.http.post("/v1/store/orders/lookup", json=wrong) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [*[404] * 5, 429]
    assert (answers[-1].json()["code"], answers[-1].headers["retry-after"]) == ("request.too_many", "60")
    right = {"number": order["number"].lower(), "email": "a@b.example"}
    assert (await browser.http.post("/v1/store/orders/lookup", json=right)).status_code == 429
    later = clock.now() + timedelta(minutes=1)
    with clock.use(lambda: later):
        found = await browser.http.post("/v1/store/orders/lookup", json=right)
        assert (found.status_code, found.json()["id"]) == (200, order["id"])
        for number in range(20):
            guess = {"number": f"T{number}", "email": "a@b.example"}
            last = await browser.http.post("/v1/store/orders/lookup", json=guess)
    assert last.status_code == 429


async def test_a_bucket_fills_again_and_counts_for_everybody_at_once(app: Any, grocer: SeededShop, rows: Any) -> None:
    database: Database = app.state.core.database
    limit = Limit("test", burst=3, every=timedelta(seconds=10))

    async def ask() -> bool:
        try:
            await throttling.take(database, grocer.id, limit, "somebody")
        except TooMany:
            return False
        return True

    now = clock.now()
    for seconds, expected in ((0, 3), (9, 0), (10, 1), (25, 1), (1_000, 3)):
        at = now + timedelta(seconds=seconds)
        with clock.use(lambda at=at: at):
            assert sum(await asyncio.gather(*(ask() for _ in range(5)))) == expected, seconds
    assert "somebody" not in str(rows("SELECT subject FROM throttle_bucket"))
