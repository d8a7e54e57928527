"""How a shopper can pay: what a shop takes, what they have kept, what comes later, and pages of providers' own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from commerce.orders import editing
from commerce.orders.change_schemas import AddUnits
from commerce.orders.held import Actor
from commerce.payments import terms
from commerce.payments.providers import (
    NEVER_ASKED,
    ActionRequired,
    Authorised,
    Captured,
    Charge,
    Providers,
    Refused,
    registry,
)
from foundation.http import InvalidFields
from storefront.paying import TEST_CARDS, payment
from tests.storefront.conftest import form_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.factories import SeededShop
    from tests.storefront.conftest import Browser

    Execute = Callable[..., list[tuple[Any, ...]]]

PAID = "SELECT provider, status FROM payment ORDER BY id"


class Elsewhere:
    """A provider whose shopper goes to a page of its own, and has confirmed when they are back."""

    deferred = False

    def __init__(self, name: str) -> None:
        self.name, self.tokens, self.confirmed = name, [], False

    async def authorise(self, charge: Charge) -> ActionRequired:
        self.tokens.append(charge.token)
        return ActionRequired(f"order_{charge.payment_id.hex}", f"https://www.{self.name}.example/confirm")

    async def resume(self, charge: Charge) -> Authorised | ActionRequired | Refused:
        if charge.reference is None:
            return NEVER_ASKED
        if self.confirmed:
            return Authorised(charge.reference)
        return ActionRequired(charge.reference, f"https://www.{self.name}.example/confirm")

    async def capture(self, charge: Charge) -> Captured:
        return Captured(charge.reference or "")

    async def void(self, charge: Charge) -> None:
        """Let go."""


@pytest.fixture
async def elsewhere(app: Any) -> AsyncIterator[dict[str, Elsewhere]]:
    """PayPal and Razorpay, as far as a shopper sees them, beside what the shop takes anyway."""
    core = app.state.core
    made = registry.configured(core.database, core.settings)
    found = {name: Elsewhere(name) for name in ("paypal", "razorpay")}
    registry._built[core.database] = Providers(*made.all, *found.values())  # type: ignore[arg-type]
    yield found
    registry._built[core.database] = made


async def _allow(app: Any, shop: SeededShop, provider: str, days: int) -> None:
    async with app.state.core.database.tx(shop.id) as tx:
        await terms.allow(tx, provider, None, days)


async def test_a_shop_offers_what_it_takes_and_nothing_else(browser: Browser, app: Any, grocer: SeededShop) -> None:
    await browser.add("tomato-soup")
    page = await browser.see("/checkout")
    assert [card.value in page for card in TEST_CARDS] == [True] * len(TEST_CARDS)
    for absent in ("Cash on delivery", "Invoice", "PayPal", "Razorpay", "Kept in your account"):
        assert absent not in page
    await _allow(app, grocer, "cod", 0)
    await _allow(app, grocer, "invoice", 14)
    page = await browser.see("/checkout")
    assert "Cash on delivery" in page
    assert "You pay within 14 days" in page


@pytest.mark.parametrize(("chosen", "provider"), [("with:cod", "cod"), ("with:invoice", "invoice")])
async def test_what_is_paid_later_is_ordered_now(
    browser: Browser, app: Any, grocer: SeededShop, execute: Execute, chosen: str, provider: str
) -> None:
    await _allow(app, grocer, provider, 14)
    await browser.add("tomato-soup")
    sent = await browser.send(form_of(await browser.see("/checkout"), "/checkout"), token=chosen)
    assert sent.headers["location"].startswith("/orders/"), sent.text
    assert execute(PAID) == [(provider, "due")]


@pytest.mark.parametrize("chosen", ["with:", "with:nobody", "kept:", "kept:test:x", "with:stripe"])
def test_nothing_else_than_what_a_page_offers_is_a_choice(chosen: str) -> None:
    with pytest.raises(InvalidFields):
        payment(chosen)


async def test_a_choice_that_was_made_up_charges_nothing(browser: Browser, execute: Execute) -> None:
    await browser.add("tomato-soup")
    checkout = form_of(await browser.see("/checkout"), "/checkout")
    made_up = ("with:nobody", "kept:test:0190a0b0-0000-7000-8000-000000000000", "with:paypal", "with:cod")
    for number, chosen in enumerate(made_up):
        sent = await browser.send(
            replace(checkout, fields={**checkout.fields, "idempotency_key": f"key-{number}"}), token=chosen
        )
        assert sent.status_code in (402, 404, 422), sent.text
    assert [status for _, status in execute(PAID)] == ["refused"]  # cash, which the shop lets nobody pay


async def test_paypal_is_confirmed_on_its_own_page(
    browser: Browser, elsewhere: dict[str, Elsewhere], execute: Execute
) -> None:
    await browser.add("tomato-soup")
    checkout = form_of(await browser.see("/checkout"), "/checkout")
    sent = await browser.send(checkout, token="with:paypal")
    assert sent.status_code == 200
    assert 'href="https://www.paypal.example/confirm"' in sent.text
    back = f"/checkout/return?cart_id={checkout.fields['cart_id']}"
    assert "has not decided" in await browser.see(back)
    elsewhere["paypal"].confirmed = True
    home = await browser.http.get(back)
    assert home.headers["location"].startswith("/orders/")
    assert execute(PAID) == [("paypal", "captured")]


async def test_razorpays_page_is_given_the_order_and_no_card_and_its_way_back_says_nothing(
    browser: Browser, elsewhere: dict[str, Elsewhere], execute: Execute
) -> None:
    await browser.add("tomato-soup")
    checkout = form_of(await browser.see("/checkout"), "/checkout")
    sent = await browser.send(checkout, token="with:razorpay")
    assert sent.status_code == 303
    assert elsewhere["razorpay"].tokens == ["checkout"]
    page = await browser.http.get(sent.headers["location"])
    assert "form-action https://api.razorpay.com;" in page.headers["content-security-policy"]
    form = form_of(page.text, "https://api.razorpay.com/v1/checkout/embedded")
    ((reference, amount),) = execute("SELECT provider_reference, amount FROM payment")
    assert (form.fields["order_id"], form.fields["amount"], form.fields["currency"]) == (reference, str(amount), "USD")

    came = await browser.http.post(  # another site's form, with whatever it says
        form.fields["callback_url"], data={"razorpay_payment_id": "pay_forged"}, headers={"Origin": "https://x.example"}
    )
    assert (came.status_code, came.headers["location"]) == (
        303,
        f"/checkout/return?cart_id={checkout.fields['cart_id']}",
    )
    assert "has not decided" in await browser.see(came.headers["location"])
    assert execute("SELECT count(*) FROM orders") == [(0,)]
    elsewhere["razorpay"].confirmed = True
    home = await browser.http.get(came.headers["location"])
    assert home.headers["location"].startswith("/orders/")
    again = await browser.http.get(sent.headers["location"])
    assert again.headers["location"] == came.headers["location"]


@pytest.mark.parametrize("to", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
async def test_the_way_back_leads_to_a_page_of_the_shop_only(browser: Browser, to: str) -> None:
    seen = await browser.http.post("/checkout/razorpay/back", params={"to": to})
    assert seen.status_code == 422


async def test_nobody_opens_razorpays_page_for_anothers_cart(
    browser: Browser, elsewhere: dict[str, Elsewhere], app: Any, grocer: SeededShop
) -> None:
    await browser.add("tomato-soup")
    checkout = form_of(await browser.see("/checkout"), "/checkout")
    page = (await browser.send(checkout, token="with:razorpay")).headers["location"]
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}") as other:
        assert (await other.get(page)).status_code == 404


# A change to an order


async def _change(app: Any, shop: SeededShop, browser: Browser) -> str:
    """The page on which an edit by staff is paid for."""
    await browser.add("tomato-soup")
    sent = await browser.send(form_of(await browser.see("/checkout"), "/checkout"), token="4242424242424242")
    order_id = sent.headers["location"].rpartition("/")[2]
    staff = Actor("staff", "staff:Back office")
    database = app.state.core.database
    async with database.tx(shop.id) as tx:
        add = AddUnits(action="add", variant_id=shop.products[1].variant_id, quantity=1)
        edit_id = await editing.draft(tx, order_id, staff, [add])
    async with database.tx(shop.id) as tx:
        drafted = await editing.read(tx, order_id, edit_id)
        await editing.confirm(tx, order_id, edit_id, staff, version=drafted.version)
    return f"/orders/{order_id}/changes/{edit_id}/pay"


async def test_a_change_is_paid_for_on_its_page(
    browser: Browser, app: Any, grocer: SeededShop, execute: Execute
) -> None:
    page = await _change(app, grocer, browser)
    assert page in await browser.see(page.partition("/changes/")[0])
    refused = await browser.send(form_of(await browser.see(page), page), token="4000000000009995")
    assert refused.status_code == 402
    assert "enough money on the card" in refused.text
    form = form_of(refused.text, page)
    for _ in range(2):  # a form that is sent twice is paid once
        paid = await browser.send(form, token="4242424242424242")
        assert paid.headers["location"] == page.partition("/changes/")[0]
    assert [status for _, status in execute(PAID)] == ["captured", "refused", "captured"]
    assert (await browser.http.get(page)).headers["location"] == page.partition("/changes/")[0]


@pytest.mark.parametrize("answer", ["approve", "fail"])
async def test_a_bank_that_asks_first_is_answered_on_the_way(
    browser: Browser, app: Any, grocer: SeededShop, execute: Execute, answer: str
) -> None:
    page = await _change(app, grocer, browser)
    asked = await browser.send(form_of(await browser.see(page), page), token="4000000000003220")
    bank = asked.headers["location"]
    assert bank.startswith("/test-bank/challenge?state=")
    assert "order is changed as soon as the bank says yes" in await browser.see(f"{page}/return")
    back = await browser.send(form_of(await browser.see(bank), "/test-bank/challenge"), answer=answer)
    home = await browser.http.get(back.headers["location"])
    if answer == "approve":
        assert (home.status_code, home.headers["location"]) == (303, page.partition("/changes/")[0])
        assert [status for _, status in execute(PAID)] == ["captured", "captured"]
    else:
        assert home.status_code == 402
        assert [status for _, status in execute(PAID)] == ["captured", "refused"]
        assert form_of(home.text, page)


async def test_a_change_is_left_as_it_was_while_the_bank_asks(
    browser: Browser, app: Any, grocer: SeededShop, execute: Execute
) -> None:
    page = await _change(app, grocer, browser)
    await browser.send(form_of(await browser.see(page), page), token="4000000000003220")
    waiting = await browser.see(f"{page}/return")
    left = await browser.send(form_of(waiting, f"{page}/give-up"))
    assert left.headers["location"] == page.partition("/changes/")[0]
    assert execute("SELECT status FROM order_change") == [("cancelled",)]
    assert [status for _, status in execute(PAID)] == ["captured", "voided"]


async def test_nobody_sees_or_pays_anothers_change(browser: Browser, app: Any, grocer: SeededShop) -> None:
    page = await _change(app, grocer, browser)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}") as other:
        for seen in (await other.get(page), await other.get(f"{page}/return")):
            assert seen.status_code == 404
