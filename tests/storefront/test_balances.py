"""Paying with gift cards and store credit, the balance on the account page, and the papers of an order."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pypdf import PdfReader

from commerce.documents import service as documents
from commerce.documents.schemas import IssuerIn
from commerce.stored_value import service
from commerce.stored_value.schemas import GiftCardIn, GrantIn
from commerce.tenancy import service as tenancy
from tests.factories import WITHOUT_LIMIT, SeededShop
from tests.storefront.conftest import Browser, form_of

Execute = Callable[..., list[tuple[Any, ...]]]
PAID = "SELECT provider, amount, status FROM payment ORDER BY id"


class Till:
    """Issues cards and credit."""

    def __init__(self, core: Any, seeded: SeededShop) -> None:
        self.core, self.seeded = core, seeded

    async def card(self, amount: int) -> str:
        async with self.core.database.transaction(None) as session:
            shop = await tenancy.find_by_host(session, self.seeded.host)
        assert shop is not None
        async with self.core.database.tx(self.seeded.id) as tx:
            _, code = await service.issue_gift_card(
                tx, shop, GiftCardIn(amount=amount), actor="staff:A", giver=WITHOUT_LIMIT
            )
        return code

    async def grant(self, amount: int) -> None:
        async with self.core.database.transaction(None) as session:
            shop = await tenancy.find_by_host(session, self.seeded.host)
        assert shop is not None
        async with self.core.database.tx(self.seeded.id) as tx:
            rows = await tx.connection.fetch("SELECT id FROM customer WHERE reference = 'household-1'")
            await service.grant(
                tx, shop, rows[0]["id"], GrantIn(amount=amount, reason="sorry"), actor="staff:A", giver=WITHOUT_LIMIT
            )


@pytest.fixture
def till(app: Any, grocer: SeededShop) -> Till:
    return Till(app.state.core, grocer)


async def _signed_in(browser: Browser) -> None:
    page = await browser.see("/account")
    assert (await browser.send(form_of(page, "/account/sign-in", reference="household-1"))).status_code == 303


async def _apply(browser: Browser, page: str, **fields: str) -> str:
    answer = await browser.send(form_of(page, "/checkout"), apply="1", **fields)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_a_gift_card_pays_first_and_the_card_pays_the_rest(
    browser: Browser, till: Till, execute: Execute
) -> None:
    code = await till.card(150)
    await browser.add("orange-juice", 2)
    page = await _apply(browser, await browser.see("/checkout"), gift_card=code.lower())
    assert 'data-by-gift-card="150"' in page
    assert "Pay $2.50" in page
    assert code[-4:] in page

    done = await browser.send(form_of(page, "/checkout"))
    assert done.status_code == 303
    assert done.headers["location"].startswith("/orders/")
    assert execute(PAID) == [("gift_card", 150, "captured"), ("test", 250, "captured")]
    assert execute("SELECT available, spent FROM stored_value") == [(0, 150)]


async def test_a_card_that_is_worth_more_pays_all_and_keeps_the_rest(
    browser: Browser, till: Till, execute: Execute
) -> None:
    code = await till.card(1000)
    await browser.add("orange-juice", 2)
    page = await _apply(browser, await browser.see("/checkout"), gift_card=code)
    assert "$6.00 stay on it" in page
    assert "Place the order" in page
    assert 'name="token"' not in page
    assert (await browser.send(form_of(page, "/checkout"))).status_code == 303
    assert execute(PAID) == [("gift_card", 400, "captured")]


async def test_credit_is_shown_spent_and_what_is_left_stays_on_the_account(
    browser: Browser, till: Till, execute: Execute
) -> None:
    await till.grant(300)
    code = await till.card(200)
    await _signed_in(browser)
    assert 'data-credit="300"' in await browser.see("/account")
    await browser.add("orange-juice", 2)
    page = await _apply(browser, await browser.see("/checkout"), store_credit="on", gift_card=code)
    assert 'data-by-credit="200"' in page
    assert (await browser.send(form_of(page, "/checkout"))).status_code == 303
    assert execute(PAID) == [("gift_card", 200, "captured"), ("store_credit", 200, "captured")]
    assert 'data-credit="100"' in await browser.see("/account")


async def test_nobody_pays_by_card_what_they_were_not_shown(browser: Browser, till: Till, execute: Execute) -> None:
    code = await till.card(150)
    await browser.add("orange-juice", 2)
    page = await browser.see("/checkout")
    shown = await browser.send(form_of(page, "/checkout"), gift_card=code)
    assert shown.status_code == 200
    assert "Pay $2.50" in shown.text

    execute("UPDATE stored_value SET available = 100, withdrawn = 50")
    again = await browser.send(form_of(shown.text, "/checkout"))
    assert (again.status_code, "Pay $3.00" in again.text) == (200, True)
    assert execute(PAID) == []


async def test_a_wrong_code_says_so_and_costs_nothing(browser: Browser, execute: Execute) -> None:
    await browser.add("orange-juice")
    page = await browser.see("/checkout")
    refused = await browser.send(form_of(page, "/checkout"), gift_card="0000-0000-0000-0000")
    assert refused.status_code == 404
    assert "That gift card can&#39;t be used" in refused.text
    assert execute(PAID) == []


async def test_when_the_card_is_declined_the_gift_card_keeps_its_money(
    browser: Browser, till: Till, execute: Execute
) -> None:
    code = await till.card(150)
    await browser.add("orange-juice", 2)
    page = await _apply(browser, await browser.see("/checkout"), gift_card=code)
    refused = await browser.send(form_of(page, "/checkout"), token="tok_declined")
    assert refused.status_code == 402
    assert code in refused.text
    assert execute("SELECT available, held, spent FROM stored_value") == [(150, 0, 0)]


async def test_an_order_links_its_invoice_and_no_one_elses(
    browser: Browser, app: Any, client: httpx.AsyncClient, grocer: SeededShop
) -> None:
    issuer = {"name": "Grocer Ltd", "address": {"line1": "1 High St", "postal_code": "1", "city": "X", "country": "GB"}}
    async with app.state.core.database.tx(grocer.id) as tx:
        await documents.set_issuer(tx, IssuerIn.model_validate(issuer))
    await browser.add("orange-juice")
    placed = await browser.send(form_of(await browser.see("/checkout"), "/checkout"))
    page = await browser.see(placed.headers["location"])
    assert 'data-paper="invoice"' in page
    link = page.split('data-paper="invoice"')[0].rpartition('href="')[2].partition('"')[0]
    paper = await client.get(link)
    assert paper.headers["content-type"] == "application/pdf"
    assert "Grocer Ltd" in PdfReader(io.BytesIO(paper.content)).pages[0].extract_text()

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}") as stranger:
        assert (await stranger.get(link)).status_code == 404
