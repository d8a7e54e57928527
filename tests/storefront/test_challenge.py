"""A bank that asks the shopper first, in a browser without JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.storefront.conftest import form_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.factories import SeededShop
    from tests.storefront.conftest import Browser

    Execute = Callable[..., list[tuple[Any, ...]]]

CHALLENGED, THEN_DECLINED = "4000000000003220", "4000008400001629"


async def _challenge(browser: Browser, token: str = CHALLENGED) -> tuple[str, str]:
    """The bank's page, and its address."""
    await browser.add("tomato-soup")
    checkout = form_of(await browser.see("/checkout"), "/checkout")
    sent = await browser.send(checkout, token=token)
    assert sent.status_code == 303
    address = sent.headers["location"]
    return await browser.see(address), address


async def _answer(browser: Browser, page: str, answer: str) -> str:
    """The address that the bank sends the shopper back to."""
    sent = await browser.send(form_of(page, "/test-bank/challenge"), answer=answer)
    assert sent.status_code == 303
    back: str = sent.headers["location"]
    return back


async def test_a_shopper_who_confirms_has_an_order(browser: Browser, grocer: SeededShop, execute: Execute) -> None:
    page, address = await _challenge(browser)
    assert "Is it you?" in page
    assert "3220" in page
    back = await _answer(browser, page, "approve")
    assert back.startswith(f"http://{grocer.host}/checkout/return?cart_id=")
    home = await browser.http.get(back)
    assert home.status_code == 303
    assert home.headers["location"].startswith("/orders/")
    assert (await browser.http.get(back)).headers["location"] == home.headers["location"]
    assert execute("SELECT count(*) FROM orders") == [(1,)]
    assert "answered already" in await browser.see(address)


@pytest.mark.parametrize(("token", "answer"), [(CHALLENGED, "fail"), (THEN_DECLINED, "approve")])
async def test_a_shopper_who_does_not_can_pay_otherwise(
    browser: Browser, execute: Execute, token: str, answer: str
) -> None:
    page, _ = await _challenge(browser, token)
    back = await _answer(browser, page, answer)
    told = await browser.http.get(back)
    assert told.status_code == 402
    assert "payments.refused" in told.text
    paid = await browser.send(form_of(told.text, "/checkout"))
    assert paid.headers["location"].startswith("/orders/")
    assert execute("SELECT status, count(*) FROM payment GROUP BY status ORDER BY status") == [
        ("captured", 1),
        ("refused", 1),
    ]


async def test_a_shopper_may_come_back_without_an_answer_and_give_up(browser: Browser, execute: Execute) -> None:
    await _challenge(browser)
    [(cart_id,)] = execute("SELECT id FROM cart")
    waiting = await browser.see(f"/checkout/return?cart_id={cart_id}")
    assert "not decided yet" in waiting
    given_up = await browser.send(form_of(waiting, "/checkout/give-up"))
    assert given_up.headers["location"] == "/checkout"
    assert execute("SELECT status FROM payment") == [("voided",)]
    again = await browser.send(form_of(waiting, "/checkout/give-up"))
    assert again.headers["location"] == "/cart"
    assert (await browser.send(form_of(await browser.see("/checkout"), "/checkout"))).status_code == 303


@pytest.mark.parametrize("state", ["", "x", "A" * 64])
async def test_only_the_banks_own_links_lead_to_it(browser: Browser, state: str) -> None:
    await browser.see(f"/test-bank/challenge?state={state}", status=404)


async def test_an_order_that_could_not_be_paid_is_paid_on_its_page(browser: Browser, execute: Execute) -> None:
    await browser.add("tomato-soup")
    checkout = form_of(await browser.see("/checkout"), "/checkout")
    placed = await browser.send(checkout, token="tok_capture_expired")
    page = await browser.see(placed.headers["location"])
    assert "could not be taken" in page
    form = form_of(page, f"{placed.headers['location']}/pay")
    refused = await browser.send(form, token="4000000000000002")
    assert refused.status_code == 402
    form = form_of(refused.text, form.action)
    asked = await browser.send(form, token=CHALLENGED)
    back = await _answer(browser, await browser.see(asked.headers["location"]), "approve")
    home = await browser.http.get(back)
    assert home.headers["location"] == placed.headers["location"]
    assert "could not be taken" not in await browser.see(home.headers["location"])
    assert execute("SELECT payment_state FROM orders") == [("paid",)]
