"""From the home page to a paid order, by links and forms alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from commerce.pricing import service as pricing
from commerce.pricing.schemas import OfferIn, OffersIn
from tests.factories import SeededShop
from tests.storefront.conftest import Browser, form_of, forms_of

Execute = Callable[..., list[tuple[Any, ...]]]


async def test_a_shopper_without_javascript_gets_from_the_home_page_to_an_order(browser: Browser) -> None:
    assert "/p/tomato-soup" in await browser.see("/")
    assert "/p/tomato-soup" in await browser.see("/c/pantry")
    assert "/p/tomato-soup" in await browser.see("/search?q=soup")
    added = await browser.add("tomato-soup", quantity=2)
    assert (added.status_code, added.headers["location"]) == (303, "/p/tomato-soup")
    assert "It&#39;s in your cart." in await browser.see("/p/tomato-soup")
    assert "$2.00" in await browser.see("/cart")
    paid = await browser.send(form_of(await browser.see("/checkout"), "/checkout"), email="a@example.com")
    assert paid.status_code == 303
    order = await browser.see(paid.headers["location"])
    assert "Tomato soup" in order
    assert "$2.00" in order
    assert paid.headers["location"] in await browser.see("/orders")
    assert "There is nothing in it yet" in await browser.see("/cart")


async def test_a_checkout_form_sent_twice_places_one_order(browser: Browser, execute: Execute) -> None:
    await browser.add("tomato-soup")
    form = form_of(await browser.see("/checkout"), "/checkout")
    first, again = await browser.send(form), await browser.send(form)
    assert first.headers["location"] == again.headers["location"]
    assert execute("SELECT count(*) FROM orders") == [(1,)]


async def test_a_refused_payment_returns_to_the_checkout_with_the_reason(browser: Browser, execute: Execute) -> None:
    await browser.add("tomato-soup")
    form = form_of(await browser.see("/checkout"), "/checkout")
    refused = await browser.send(form, token="tok_insufficient_funds", email="a@example.com")
    assert refused.status_code == 402
    assert "enough money" in refused.text
    assert "payments.refused" in refused.text
    assert execute("SELECT count(*) FROM orders") == [(0,)]
    again = form_of(refused.text, "/checkout")
    assert again.fields["idempotency_key"] != form.fields["idempotency_key"]
    assert again.fields["email"] == "a@example.com"
    assert (await browser.send(again)).status_code == 303


async def test_a_changed_price_is_shown_and_accepted_before_paying(
    browser: Browser, grocer: SeededShop, execute: Execute
) -> None:
    await browser.add("tomato-soup")
    checkout = form_of(await browser.see("/checkout"), "/checkout")
    execute("UPDATE price SET amount = 250 WHERE variant_id = %s", grocer.products[0].variant_id)
    stopped = await browser.send(checkout)
    assert stopped.status_code == 409
    assert "checkout.requirements_unmet" in stopped.text
    assert (await browser.http.get("/checkout")).headers["location"] == "/cart"
    cart = await browser.see("/cart")
    assert "$2.50" in cart
    assert 'href="/checkout"' not in cart
    assert (await browser.send(form_of(cart, "/cart/accept"))).status_code == 303
    assert "Pay $2.50" in await browser.see("/checkout")


async def test_a_line_with_too_little_stock_offers_what_is_left(
    browser: Browser, grocer: SeededShop, execute: Execute
) -> None:
    await browser.add("tomato-soup", quantity=30)
    cart = await browser.see("/cart")
    assert "Only 20 left." in cart
    taken = await browser.send(next(form for form in forms_of(cart) if form.fields.get("quantity") == "20"))
    assert taken.status_code == 303
    assert 'href="/checkout"' in await browser.see("/cart")


async def test_a_line_is_taken_out(browser: Browser) -> None:
    await browser.add("tomato-soup")
    remove = next(form for form in forms_of(await browser.see("/cart")) if form.action.endswith("/remove"))
    assert (await browser.send(remove)).status_code == 303
    assert "There is nothing in it yet" in await browser.see("/cart")


async def test_a_household_signs_in_with_its_cart_and_out_without_it(browser: Browser) -> None:
    await browser.add("tomato-soup")
    sign_in = form_of(await browser.see("/account"), "/account/sign-in", reference="household-2")
    assert (await browser.send(sign_in)).headers["location"] == "/"
    assert "Welcome back, Household 2" in await browser.see("/")
    assert "Tomato soup" in await browser.see("/cart")
    await browser.send(form_of(await browser.see("/account"), "/account/sign-out"))
    assert "There is nothing in it yet" in await browser.see("/cart")


async def test_a_product_chosen_from_a_row_carries_its_decision_into_the_cart(
    browser: Browser, execute: Execute
) -> None:
    home = await browser.see("/")
    chosen = next(form for form in forms_of(home) if form.fields.get("decision_id"))
    await browser.send(chosen)
    assert execute("SELECT decision_id::text FROM cart_line") == [(chosen.fields["decision_id"],)]


async def test_an_expired_session_begins_anew_and_says_so(browser: Browser, execute: Execute) -> None:
    await browser.add("tomato-soup")
    execute("UPDATE session SET expires_at = now() - interval '1 hour'")
    assert "we started a new one" in await browser.see("/cart")
    assert "we started a new one" not in await browser.see("/cart")


async def test_pages_and_lists_show_what_the_shopper_will_pay(
    app: Any, browser: Browser, grocer: SeededShop, execute: Execute
) -> None:
    async with app.state.core.database.tx(grocer.id) as tx:
        offers = [OfferIn(amount=80), OfferIn(amount=70, min_quantity=10), OfferIn(amount=55, group="trade")]
        await pricing.set_offers(tx, "SKU0", OffersIn(currency="USD", offers=offers))
    page, home = await browser.see("/p/tomato-soup"), await browser.see("/")
    for shown in (page, home):
        assert "$0.80" in shown
        assert '<span class="sr-only">before </span>$1.00' in shown
        assert 'data-break="10"' in shown
        assert "$0.55" not in shown
    assert "On sale" in page

    execute("UPDATE customer SET price_group = 'trade' WHERE reference = 'household-1'")
    await browser.http.post("/v1/store/sessions", json={"reference": "household-1"})
    page = await browser.see("/p/tomato-soup")
    assert 'data-offer="group"' in page
    assert "$0.55" in page
    assert "data-break" not in page
