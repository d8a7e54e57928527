"""What a customer keeps to pay with: added with or without their bank asking, offered first, used and removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.storefront.conftest import form_of, forms_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.factories import SeededShop
    from tests.storefront.conftest import Browser

    Execute = Callable[..., list[tuple[Any, ...]]]

PAGE = "/account/payment-methods"
CHALLENGED = "tok_threeDSecure2Required"
KEPT = "SELECT token, is_default FROM payment_method ORDER BY id"


@pytest.fixture
async def customer(browser: Browser) -> Browser:
    """Somebody who has signed in."""
    await _sign_in(browser, "household-1")
    return browser


async def _sign_in(browser: Browser, reference: str) -> None:
    signed_in = await browser.http.post("/v1/store/sessions", json={"reference": reference})
    assert signed_in.status_code == 201, signed_in.text


async def _keep(browser: Browser, token: str, **fields: str) -> httpx.Response:
    return await browser.send(form_of(await browser.see(PAGE), PAGE), token=token, **fields)


async def _answer(browser: Browser, asked: httpx.Response, answer: str) -> httpx.Response:
    """What the bank is told, and where that leads."""
    page = await browser.see(asked.headers["location"])
    assert "asks to keep your card ending in" in page
    back = await browser.send(form_of(page, "/test-bank/challenge"), answer=answer)
    assert back.headers["location"].endswith(f"{PAGE}/return")
    return await browser.http.get(back.headers["location"])


async def test_a_card_is_kept_offered_first_and_removed(customer: Browser, execute: Execute) -> None:
    assert "kept nothing" in await customer.see(PAGE)
    for token in ("tok_visa", "tok_mastercard"):
        assert (await _keep(customer, token)).headers["location"] == PAGE
    assert execute(KEPT) == [("tok_visa", True), ("tok_mastercard", False)]
    page = await customer.see(PAGE)
    (prefer,) = [form for form in forms_of(page) if form.action.endswith("/default")]
    await customer.send(prefer)
    assert execute(KEPT) == [("tok_visa", False), ("tok_mastercard", True)]
    mastercard = prefer.action.removesuffix("/default")
    await customer.send(form_of(page, f"{mastercard}/remove"))
    assert execute(KEPT) == [("tok_visa", True)]
    again = await customer.send(form_of(page, f"{mastercard}/remove"))
    assert again.status_code == 404
    assert "haven&#39;t kept that" in again.text


async def test_a_form_that_is_sent_twice_keeps_one_card(customer: Browser, execute: Execute) -> None:
    form = form_of(await customer.see(PAGE), PAGE)
    for _ in range(2):
        assert (await customer.send(form, token="tok_visa", is_default="on")).status_code == 303
    assert execute(KEPT) == [("tok_visa", True)]


async def test_a_card_that_is_declined_is_not_kept(customer: Browser, execute: Execute) -> None:
    refused = await _keep(customer, "tok_visa_chargeDeclined")
    assert refused.status_code == 402
    assert "declined the card" in refused.text
    assert execute(KEPT) == []


@pytest.mark.parametrize(("answer", "status"), [("approve", "kept"), ("fail", "refused")])
async def test_a_bank_that_asks_first_is_answered_on_the_way(
    customer: Browser, execute: Execute, answer: str, status: str
) -> None:
    asked = await _keep(customer, CHALLENGED, is_default="on")
    assert asked.headers["location"].startswith("/test-bank/challenge?state=")
    assert execute(KEPT) == []
    assert "not decided" in await customer.see(f"{PAGE}/return")
    back = await _answer(customer, asked, answer)
    assert execute("SELECT status FROM payment_method_setup") == [(status,)]
    if answer == "approve":
        assert back.headers["location"] == PAGE
        assert execute(KEPT) == [(CHALLENGED, True)]
        assert (await customer.http.get(f"{PAGE}/return")).headers["location"] == PAGE
    else:
        assert (back.status_code, execute(KEPT)) == (402, [])
        assert (await customer.http.get(f"{PAGE}/return")).status_code == 402
    assert execute("SELECT count(*) FROM test_bank_event") == [(0,)]  # there is no payment to tell the shop of


async def test_a_kept_card_pays_at_the_checkout(customer: Browser, execute: Execute) -> None:
    await _keep(customer, "tok_visa")
    await customer.add("tomato-soup")
    page = await customer.see("/checkout")
    assert "Kept in your account" in page
    ((method_id,),) = execute("SELECT id FROM payment_method")
    checkout = form_of(page, "/checkout")
    assert checkout.fields["token"] == f"kept:test:{method_id}"  # offered first
    assert (await customer.send(checkout)).headers["location"].startswith("/orders/")
    assert execute("SELECT status FROM payment") == [("captured",)]


async def test_nobody_uses_or_removes_what_another_has_kept(
    customer: Browser, app: Any, grocer: SeededShop, execute: Execute
) -> None:
    asked = await _keep(customer, CHALLENGED)
    await _keep(customer, "tok_visa")
    ((method_id,),) = execute("SELECT id FROM payment_method")
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}") as http:
        other = type(customer)(http)
        assert (await http.get(PAGE)).headers["location"] == "/account"
        await _sign_in(other, "household-2")
        origin = {"Origin": f"http://{grocer.host}"}
        for what in ("default", "remove"):
            assert (await http.post(f"{PAGE}/{method_id}/{what}", headers=origin)).status_code == 404
        assert (await http.get(f"{PAGE}/return")).status_code == 404
        ((setup_id,),) = execute("SELECT id FROM payment_method_setup")
        path = f"/v1/store/payment-methods/setups/{setup_id}/continue"
        seen = await http.post(path, headers={"Idempotency-Key": "theirs"})
        assert (seen.status_code, seen.json()["code"]) == (404, "payments.setup_not_found")
        await other.add("tomato-soup")
        stolen = await other.send(form_of(await other.see("/checkout"), "/checkout"), token=f"kept:test:{method_id}")
        assert stolen.status_code == 404
    assert execute(KEPT) == [("tok_visa", True)]
    assert (await _answer(customer, asked, "approve")).headers["location"] == PAGE


async def test_the_api_keeps_a_card_once_its_owner_has_confirmed(customer: Browser, app: Any, execute: Execute) -> None:
    keys = iter(range(10))

    async def send(path: str, **body: Any) -> httpx.Response:
        headers = {"Idempotency-Key": f"key-{next(keys)}"}
        return await customer.http.post(f"/v1/store/payment-methods{path}", json=body or None, headers=headers)

    asked = await send("", provider="test", token=CHALLENGED, return_url="https://shop.example/back")
    assert asked.status_code == 202, asked.text
    continued = f"/setups/{asked.json()['setup_id']}/continue"
    assert (await send(continued)).status_code == 202
    bank = await customer.see(asked.json()["action_url"])
    await customer.send(form_of(bank, "/test-bank/challenge"), answer="approve")
    first, again = await send(continued), await send(continued)
    assert (first.status_code, first.json()) == (201, again.json())
    await customer.http.delete(f"/v1/store/payment-methods/{first.json()['id']}")
    gone = await send(continued)
    assert (gone.status_code, gone.json()["code"]) == (404, "payments.setup_not_found")
