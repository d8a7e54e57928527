"""Carts and lines that are given away: wrapped, with a message, and what that costs."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.cart.wrapping import shares_of
from tests.commerce.conftest import Browser
from tests.commerce.invariants import all_faults
from tests.commerce.test_documents import ISSUER
from tests.factories import SeededShop


async def _put(browser: Browser, cart: dict[str, Any], what: str, **gift: Any) -> httpx.Response:
    return await browser.http.put(f"/v1/store/carts/{cart['id']}/{what}", json=gift)


async def _cart(browser: Browser, grocer: SeededShop) -> dict[str, Any]:
    cart = await browser.cart()
    for sold in grocer.products[:3]:
        cart = await browser.add(cart, sold.variant_id, 2)
    return cart


@pytest.fixture
async def wrapping(staff: httpx.AsyncClient) -> None:
    """A wrap costs 250, taxed at 20 % as goods are not."""
    answer = await staff.put("/v1/admin/gift-wrap", json={"price": 250, "tax_class": "wrap"})
    assert answer.json() == {"price": 250, "tax_class": "wrap", "active": True}


@pytest.mark.usefixtures("wrapping")
@pytest.mark.parametrize(("included", "tax", "total"), [(False, 50, 1500), (True, 42, 1450)])
async def test_a_wrap_is_a_fee_with_its_tax_and_stays_with_the_order(
    browser: Browser,
    staff: httpx.AsyncClient,
    grocer: SeededShop,
    app: Any,
    included: bool,
    tax: int,
    total: int,
) -> None:
    await staff.put("/v1/admin/taxes/policy", json={"included": included, "country": "US"})
    rate = {"name": "Tax", "rate": "0.2", "tax_class": "wrap"}
    await staff.put("/v1/admin/taxes/rates/US", json={"rates": [rate]})
    cart = await _cart(browser, grocer)
    assert (cart["wrap_price"], cart["totals"]["fees"]) == (250, [])

    cart = (await _put(browser, cart, "gift", wrap=True, message="  For Ada \n with love ")).json()
    assert cart["gift"] == {"wrap": True, "message": "For Ada \n with love"}
    assert cart["totals"]["fees"] == [{"name": "Gift wrap", "amount": 250, "tax": tax}]
    assert (cart["totals"]["tax"], cart["totals"]["total"]) == (tax, total)

    order = (await browser.complete(cart, expected_total=total)).json()
    assert (order["gift"], order["fees"], order["total"]["amount"]) == (cart["gift"], cart["totals"]["fees"], total)
    answer = await staff.post(
        f"/v1/admin/orders/{order['id']}/cancel", json={"reason": "x"}, headers={"Idempotency-Key": "cancel"}
    )
    assert answer.status_code == 200, answer.text
    seen = (await staff.get(f"/v1/admin/orders/{order['id']}")).json()
    assert seen["credited"] == total
    assert await all_faults(app.state.core.database, grocer) == []


@pytest.mark.usefixtures("wrapping")
async def test_lines_are_wrapped_one_by_one_unless_all_of_it_is(browser: Browser, grocer: SeededShop) -> None:
    cart = await _cart(browser, grocer)
    first, second, third = (line["id"] for line in cart["lines"])
    await _put(browser, cart, f"lines/{first}/gift", wrap=True, message="One")
    await _put(browser, cart, f"lines/{second}/gift", wrap=True)
    cart = (await _put(browser, cart, f"lines/{third}/gift", message="Only a word")).json()
    assert cart["totals"]["fees"] == [{"name": "Gift wrap", "amount": 500, "tax": 0}]
    assert [line["gift"] for line in cart["lines"]] == [
        {"wrap": True, "message": "One"},
        {"wrap": True, "message": None},
        {"wrap": False, "message": "Only a word"},
    ]
    cart = (await _put(browser, cart, f"lines/{second}/gift")).json()
    assert (cart["lines"][1]["gift"], cart["totals"]["fees"][0]["amount"]) == (None, 250)
    order = (await browser.complete(cart)).json()
    assert [line["gift"] for line in order["lines"]] == [line["gift"] for line in cart["lines"]]

    cart = await _cart(browser, grocer)
    await _put(browser, cart, f"lines/{cart['lines'][0]['id']}/gift", wrap=True)
    cart = (await _put(browser, cart, "gift", wrap=True)).json()
    assert cart["totals"]["fees"][0]["amount"] == 250


@pytest.mark.usefixtures("wrapping")
async def test_a_wrap_that_is_no_longer_done_is_told_and_let_go(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop
) -> None:
    cart = await _cart(browser, grocer)
    await _put(browser, cart, "gift", wrap=True, message="For Ada")
    await _put(browser, cart, f"lines/{cart['lines'][0]['id']}/gift", wrap=True)
    await staff.put("/v1/admin/gift-wrap", json={"price": 250, "active": False})
    shown = (await browser.http.get(f"/v1/store/carts/{cart['id']}")).json()
    assert [requirement["code"] for requirement in shown["requirements"]] == ["cart.gift_wrap_gone"]
    assert [change["kind"] for change in shown["changes"]] == ["gift_wrap_gone"]
    assert (shown["totals"]["fees"], shown["wrap_price"]) == ([], None)
    body = {"version": shown["version"], "changes_seen": shown["changes_seen"]}
    accepted = (await browser.http.post(f"/v1/store/carts/{cart['id']}/accept", json=body)).json()
    assert (accepted["gift"], accepted["lines"][0]["gift"]) == ({"wrap": False, "message": "For Ada"}, None)
    assert accepted["requirements"] == []


async def test_where_nothing_is_wrapped_a_message_still_goes_along(browser: Browser, grocer: SeededShop) -> None:
    cart = await _cart(browser, grocer)
    refused = await _put(browser, cart, "gift", wrap=True)
    assert (refused.status_code, refused.json()["code"]) == (422, "cart.no_gift_wrap")
    cart = (await _put(browser, cart, "gift", message="Hello")).json()
    assert (cart["gift"], cart["totals"]["fees"]) == ({"wrap": False, "message": "Hello"}, [])
    assert (await _put(browser, cart, "gift")).json()["gift"] is None


@pytest.mark.usefixtures("wrapping")
async def test_what_is_no_gift_is_refused(browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop) -> None:
    cart = await _cart(browser, grocer)
    for nonsense in ({"wrap": 1}, {"message": ""}, {"message": "x" * 1001}, {"message": "\x00"}, {"colour": "red"}):
        assert (await _put(browser, cart, "gift", **nonsense)).status_code in {400, 422}, nonsense
    unknown = await _put(browser, cart, f"lines/{cart['id']}/gift", wrap=True)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "cart.line_not_found")
    for nonsense in ({"price": -1}, {"price": 1.5}, {"price": True}, {}):
        assert (await staff.put("/v1/admin/gift-wrap", json=nonsense)).status_code == 422
    line = cart["lines"][0]["id"]
    await browser.http.post("/v1/store/sessions", json={"reference": "household-2"})
    assert (await _put(browser, cart, "gift", wrap=True)).json()["code"] == "cart.not_found"
    assert (await _put(browser, cart, f"lines/{line}/gift", wrap=True)).json()["code"] == "cart.not_found"


_gifts = st.none() | st.fixed_dictionaries({"wrap": st.booleans(), "message": st.none()})


@given(st.integers(0, 10_000), _gifts, st.lists(_gifts, max_size=6))
def test_the_wraps_of_lines_are_all_of_the_fee_or_none(
    fee: int, whole: dict[str, Any] | None, lines: list[dict[str, Any] | None]
) -> None:
    shares = shares_of(fee, whole, lines)
    of_lines = not (whole and whole["wrap"]) and any(gift and gift["wrap"] for gift in lines)
    assert sum(shares) == (fee if of_lines else 0)
    assert all(not share or (gift and gift["wrap"]) for share, gift in zip(shares, lines, strict=True))


@pytest.mark.usefixtures("wrapping")
async def test_the_wrap_of_a_line_goes_back_with_its_share(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, app: Any, rows: Any
) -> None:
    assert (await staff.put("/v1/admin/documents/issuer", json=ISSUER)).status_code == 200
    cart = await _cart(browser, grocer)
    for line in cart["lines"][:2]:
        cart = (await _put(browser, cart, f"lines/{line['id']}/gift", wrap=True)).json()
    assert cart["totals"]["fees"][0]["amount"] == 500
    order = (await browser.complete(cart)).json()
    soup, juice, bread = order["lines"]

    async def cancel(line: dict[str, Any], quantity: int, key: str) -> int:
        body = {"reason": "x", "lines": [{"line_id": line["id"], "quantity": quantity}]}
        path = f"/v1/admin/orders/{order['id']}/cancel"
        answer = await staff.post(path, json=body, headers={"Idempotency-Key": key})
        assert answer.status_code == 200, answer.text
        credited: int = answer.json()["credited"]
        return credited

    assert await cancel(soup, 1, "one") == 100 + 125
    assert await cancel(soup, 1, "two") == 200 + 250
    assert await cancel(bread, 2, "three") == 450 + 600
    assert await cancel(juice, 1, "four") == 1050 + 200 + 125
    assert await cancel(juice, 1, "five") == order["total"]["amount"]
    assert rows("SELECT credited = total FROM orders") == [(True,)]
    assert (
        rows(
            "SELECT DISTINCT p->>'key' FROM document d, jsonb_array_elements(d.data->'parts') p"
            " WHERE p->>'key' = 'goodwill'"
        )
        == []
    )
    assert await all_faults(app.state.core.database, grocer) == []
