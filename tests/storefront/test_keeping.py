"""Codes, gifts, notes, what is kept for later, shared and changed, as a shopper without JavaScript meets them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

from commerce.cart import gifts
from commerce.cart.schemas import GiftWrapIn
from commerce.pricing import service as pricing
from commerce.pricing.schemas import OfferIn, OffersIn
from commerce.promotions import service as promotions
from commerce.promotions.schemas import CodeIn
from tests.factories import SeededShop
from tests.storefront.conftest import Browser, Form, form_of, forms_of

Execute = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
async def offering(app: Any, grocer: SeededShop) -> None:
    """Soup at 80 instead of 100, a code for a quarter, gift wrap for 350."""
    async with app.state.core.database.tx(grocer.id) as tx:
        await pricing.set_offers(tx, "SKU0", OffersIn(currency="USD", offers=[OfferIn(amount=80)]))
        await promotions.put(tx, "QUARTER", CodeIn(percent="25"))  # type: ignore[arg-type]
        await gifts.set_wrapping(tx, GiftWrapIn(price=350))


async def _send(browser: Browser, action: str, **fields: str) -> httpx.Response:
    return await browser.send(Form(action, fields))


@pytest.mark.usefixtures("offering")
async def test_prices_codes_gifts_and_notes_are_told_from_the_cart_to_the_order(browser: Browser) -> None:
    await browser.add("tomato-soup")
    cart = await browser.see("/cart")
    assert "On sale" in cart
    assert "$1.00" in cart
    assert (await _send(browser, "/cart/codes", code=" quarter ")).status_code == 303
    assert (await _send(browser, "/cart/gift", wrap="yes", message="For <Ada>\r\nwith love")).status_code == 303
    assert (await _send(browser, "/cart/note", note="Ring twice")).status_code == 303

    cart, checkout = await browser.see("/cart"), await browser.see("/checkout")
    for page in (cart, checkout):
        assert "Discount QUARTER" in page
        assert "Gift wrap" in page
        assert "For &lt;Ada&gt;\nwith love" in page
        assert "Ring twice" in page
    assert "Pay $4.10" in checkout
    paid = await browser.send(form_of(checkout, "/checkout"))
    order = await browser.see(paid.headers["location"])
    assert "For &lt;Ada&gt;\nwith love" in order
    assert "Discount QUARTER" in order

    await browser.add("tomato-soup")
    assert (await _send(browser, "/cart/codes", code="QUARTER")).status_code == 303
    taken_out = await browser.send(form_of(await browser.see("/cart"), "/cart/codes/remove"))
    assert taken_out.status_code == 303
    assert "Discount QUARTER" not in await browser.see("/cart")


@pytest.mark.parametrize(
    ("action", "fields", "code"),
    [
        ("/cart/codes", {"code": "NOTHING"}, "promotions.code_unknown"),
        ("/cart/codes", {"code": "' OR 1"}, "request.invalid_fields"),
        ("/cart/gift", {"wrap": "yes"}, "cart.no_gift_wrap"),
        ("/cart/note", {"note": "x" * 1001}, "request.invalid_fields"),
        ("/cart/accept", {"version": "1", "changes_seen": "0" * 24}, "cart.moved_on"),
    ],
)
async def test_what_does_not_work_is_told_on_the_cart_and_changes_nothing(
    browser: Browser, action: str, fields: dict[str, str], code: str
) -> None:
    await browser.add("tomato-soup")
    refused = await _send(browser, action, **fields)
    assert refused.status_code in {409, 422}
    assert code in refused.text
    assert "Tomato soup" in refused.text


async def test_what_is_kept_for_later_comes_back(browser: Browser, execute: Execute) -> None:
    await browser.add("tomato-soup", quantity=3)
    ((line_id,),) = execute("SELECT id FROM cart_line")
    assert (await _send(browser, f"/cart/lines/{line_id}/save")).status_code == 303
    page = await browser.see("/cart")
    assert "Kept for later" in page
    assert "There is nothing in it yet" in page
    ((item_id,),) = execute("SELECT id FROM saved_item")
    assert (await browser.send(form_of(page, f"/cart/saved/{item_id}"))).status_code == 303
    page = await browser.see("/cart")
    assert 'value="3"' in page
    assert "Kept for later" not in page


async def test_a_shared_cart_is_taken_by_whoever_has_its_address(
    browser: Browser, app: Any, grocer: SeededShop
) -> None:
    await browser.add("tomato-soup", quantity=2)
    address = (await browser.send(form_of(await browser.see("/cart"), "/cart/share"))).headers["location"]
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}") as http:
        friend = Browser(http)
        page = await friend.see(address)
        assert "Tomato soup" in page
        assert (await friend.send(form_of(page, address))).headers["location"] == "/cart"
        assert 'value="2"' in await friend.see("/cart")
        assert (await http.get(address[:-1])).status_code == 404


async def test_what_changed_is_one_list_to_accept(browser: Browser, grocer: SeededShop, execute: Execute) -> None:
    await browser.add("tomato-soup", quantity=5)
    await browser.add("orange-juice")
    execute("UPDATE price SET amount = 250 WHERE variant_id = %s", grocer.products[1].variant_id)
    execute("UPDATE stock SET available = 2, written_off = 18 WHERE variant_id = %s", grocer.products[0].variant_id)
    page = await browser.see("/cart")
    assert 'data-change="less_stock"' in page
    assert 'data-change="price_up"' in page
    assert 'href="/checkout"' not in page
    assert (await browser.send(form_of(page, "/cart/accept"))).status_code == 303
    page = await browser.see("/cart")
    assert "data-change=" not in page
    assert 'href="/checkout"' in page


@pytest.mark.usefixtures("offering")
async def test_a_line_is_wrapped_and_sent_with_a_message_by_itself(browser: Browser, execute: Execute) -> None:
    await browser.add("tomato-soup")
    await browser.add("orange-juice")
    cart = await browser.see("/cart")
    forms = [form for form in forms_of(cart) if form.action.endswith("/gift") and "/lines/" in form.action]
    assert len(forms) == 2
    assert (await browser.send(forms[0], wrap="yes", message="For <Ada>")).status_code == 303
    cart = await browser.see("/cart")
    assert "Gift wrap" in cart
    assert "For &lt;Ada&gt;" in cart
    paid = await browser.send(form_of(await browser.see("/checkout"), "/checkout"))
    assert "For &lt;Ada&gt;" in await browser.see(paid.headers["location"])
    assert execute("SELECT gift->>'message' FROM order_line WHERE gift IS NOT NULL") == [("For <Ada>",)]
    assert execute("SELECT fees FROM orders") == [(350,)]


@pytest.mark.usefixtures("offering")
async def test_a_line_of_somebody_elses_is_not_theirs_to_give_away(browser: Browser) -> None:
    await browser.add("tomato-soup")
    answer = await _send(browser, f"/cart/lines/{UUID(int=1)}/gift", wrap="yes")
    assert answer.status_code == 404
