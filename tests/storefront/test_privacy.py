"""Whoever comes is asked once what they agree to, by a banner that works without a script; later they change it."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest

from commerce.privacy import making
from tests.factories import SeededShop
from tests.storefront.conftest import Browser, form_of
from tests.storefront.test_accounts import Sent, register, sent

__all__ = ["sent"]

Execute = Callable[..., list[tuple[Any, ...]]]
BANNER, PAGE = "/consent", "/account/privacy"
ASKED = "May we learn from your visit?"


@pytest.mark.parametrize(("answer", "given"), [("accept", True), ("refuse", False)])
async def test_the_banner_asks_once_and_goes_on_where_one_was(
    browser: Browser, execute: Execute, answer: str, *, given: bool
) -> None:
    page = await browser.see("/p/tomato-soup")
    assert ASKED in page
    assert "data-recorded" not in page
    answered = await browser.send(form_of(page, BANNER), answer=answer)
    assert answered.headers["location"] == "/p/tomato-soup"
    page = await browser.see("/p/tomato-soup")
    assert ASKED not in page
    assert ("data-recorded" in page) == given
    assert execute("SELECT DISTINCT given, source FROM consent_answer") == [(given, "banner")]


async def test_the_three_ways_to_answer_look_the_same(browser: Browser) -> None:
    page = await browser.see("/")
    banner = page[page.index('id="consent-title"') :]
    looks = re.findall(r'<(?:button|a) [^>]*class="([^"]*)"[^>]*>(Accept|Refuse|Choose)<', banner)
    assert [name for _, name in looks] == ["Accept", "Refuse", "Choose"]
    assert len({look for look, _ in looks}) == 1


async def test_purposes_are_chosen_one_by_one_and_changed_later(browser: Browser, execute: Execute) -> None:
    page = await browser.see(PAGE)
    assert ASKED not in page
    form = form_of(page, PAGE)
    assert not form.fields.keys() & {"analytics", "personalisation", "marketing"}, "nothing is marked before"
    await browser.send(form, analytics="on")
    marked = form_of(await browser.see(PAGE), PAGE).fields
    assert {"analytics", "personalisation", "marketing"} & marked.keys() == {"analytics"}
    await browser.send(form_of(await browser.see(PAGE), PAGE), every="refuse")
    assert execute("SELECT consent FROM session WHERE consented_at IS NOT NULL") == [([],)]
    page = await browser.see(PAGE)
    assert re.findall(r"Statistics: <span[^>]*>(yes|no)<", page) == ["no", "yes"], "every answer stays"


async def test_a_browser_that_refuses_by_itself_is_not_asked(browser: Browser) -> None:
    browser.http.headers["Sec-GPC"] = "1"
    page = await browser.see("/")
    assert ASKED not in page
    assert "data-recorded" not in page
    assert "Global Privacy Control" in await browser.see(PAGE)


async def test_a_choice_leads_to_no_other_site(browser: Browser) -> None:
    form = form_of(await browser.see("/"), BANNER)
    answered = await browser.send(form, answer="accept", next="https://elsewhere.example/")
    assert answered.headers["location"] == "/"


async def test_somebody_takes_along_what_the_shop_keeps_about_them(
    browser: Browser, app: Any, sent: Sent, grocer: SeededShop, execute: Execute
) -> None:
    assert "Ask for my data" not in await browser.see(PAGE), "nobody is known yet"
    await register(browser, sent)
    asked = await browser.send(form_of(await browser.see(PAGE), f"{PAGE}/exports"))
    assert asked.headers["location"] == PAGE
    assert "Being made" in await browser.see(PAGE)
    core = app.state.core
    shop = await core.directory.by_host(grocer.host)
    assert await making.see_to(core.database, core.settings, shop)
    assert (await sent())["link"].endswith(PAGE)
    found = re.search(rf'href="({PAGE}/exports/[^"]*)"', await browser.see(PAGE))
    assert found is not None
    answer = await browser.http.get(found[1])
    assert zipfile.ZipFile(BytesIO(answer.content)).testzip() is None

    execute("UPDATE session SET authenticated_at = now() - interval '1 hour'")
    for refused in (
        await browser.http.get(found[1]),
        await browser.send(form_of(await browser.see(PAGE), f"{PAGE}/exports")),
    ):
        assert refused.headers["location"].startswith("/account/confirm"), "prove first who you are"


async def test_somebody_without_an_account_gets_to_their_data_by_a_link(
    browser: Browser, sent: Sent, grocer: SeededShop, execute: Execute
) -> None:
    await browser.http.post("/v1/store/sessions", json={})
    cart = (await browser.http.post("/v1/store/carts")).json()
    line = {"variant_id": str(grocer.products[0].variant_id), "quantity": 1}
    await browser.http.post(f"/v1/store/carts/{cart['id']}/lines", json=line)
    pay = {"payment": {"provider": "test", "token": "tok_ok"}, "email": "guest@quuxley.example"}
    paid = await browser.http.post(f"/v1/store/carts/{cart['id']}/complete", json=pay, headers={"Idempotency-Key": "k"})
    assert paid.status_code == 201, paid.text
    browser.http.cookies.clear()
    page = await browser.see(PAGE)
    assert f'action="{PAGE}/exports"' not in page
    answer = await browser.send(form_of(page, f"{PAGE}/links"), email="guest@quuxley.example")
    assert "Check your mail" in answer.text
    link = (await sent())["link"].partition(browser.http.base_url.host)[2].lstrip(":0123456789")
    proved = await browser.send(form_of(await browser.see(link), f"{PAGE}/proof"))
    assert proved.headers["location"] == f"{PAGE}#your-data"
    page = await browser.see(PAGE)
    asked = await browser.send(form_of(page, f"{PAGE}/exports"))
    assert asked.headers["location"] == PAGE
    assert "Being made" in await browser.see(PAGE)
    await browser.send(form_of(page, f"{PAGE}/erasure"), confirmation="FORGET ME")
    page = await browser.see(PAGE)
    assert paid.json()["number"] in page
    await browser.send(form_of(page, f"{PAGE}/erasure/keep"))
    assert execute("SELECT outcome FROM erasure_request") == [("kept",)]


async def test_somebody_asks_to_be_forgotten_and_stays_after_all(
    browser: Browser, sent: Sent, execute: Execute
) -> None:
    await register(browser, sent)
    form = form_of(await browser.see(PAGE), f"{PAGE}/erasure")
    await browser.send(form, confirmation="yes")
    assert execute("SELECT count(*) FROM erasure_request") == [(0,)]
    assert "Nothing was done" in await browser.see(PAGE)
    await browser.send(form, confirmation="forget me")
    assert (await sent())["link"].endswith(PAGE)
    page = await browser.see(PAGE)
    assert "You asked us to forget you" in page
    await browser.send(form_of(page, f"{PAGE}/erasure/keep"))
    assert "Good that you stay" in await browser.see(PAGE)
    assert execute("SELECT outcome FROM erasure_request") == [("kept",)]
