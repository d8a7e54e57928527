"""Registering, signing in and looking after an account on the pages, in a browser without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from html import unescape
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import text

from commerce.sessions import sending
from foundation import sealing
from foundation.database import hot
from tests.factories import SeededShop
from tests.storefront.conftest import Browser, form_of, forms_of

EMAIL, PASSWORD = "ada@example.com", "correct horse battery staple"
Sent = Callable[[], Awaitable[dict[str, str]]]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "EVENLY_SECONDS", 0.0)


@pytest.fixture
def sent(app: Any, grocer: SeededShop) -> Sent:
    """What the last message says."""
    statement = hot(text("SELECT content FROM message ORDER BY created_at DESC, id DESC LIMIT 1"))

    async def read() -> dict[str, str]:
        async with app.state.core.database.tx(grocer.id) as tx:
            row = await tx.one(statement)
            assert row is not None
            (content,) = await sealing.unseal(tx, [row["content"]])
        values: dict[str, str] = orjson.loads(content or "{}")
        return values

    return read


def path_of(link: str) -> str:
    return re.sub(r"^http://[^/]+", "", link)


async def register(browser: Browser, sent: Sent) -> httpx.Response:
    page = await browser.see("/register")
    answer = await browser.send(form_of(page, "/register"), name="Ada", email=EMAIL, password=PASSWORD)
    assert "Check your mail" in answer.text
    page = await browser.see(path_of((await sent())["link"]))
    return await browser.send(form_of(page, "/register/confirm"))


async def test_from_the_form_through_the_mail_to_the_account(browser: Browser, sent: Sent) -> None:
    confirmed = await register(browser, sent)
    assert (confirmed.status_code, confirmed.headers["location"]) == (303, "/account")
    page = await browser.see("/account")
    assert "Your account is ready" in page
    assert "Ada" in page


async def test_whoever_opens_the_link_only_uses_nothing_up(browser: Browser, sent: Sent) -> None:
    """Programs that look at mails for what is bad in them open every link."""
    page = await browser.see("/register")
    await browser.send(form_of(page, "/register"), name="Ada", email=EMAIL, password=PASSWORD)
    link = path_of((await sent())["link"])
    for _ in range(3):
        page = await browser.see(link)
    assert (await browser.send(form_of(page, "/register/confirm"))).status_code == 303
    over = await browser.send(form_of(page, "/register/confirm"))
    assert over.status_code == 422
    assert "This link is over" in over.text


async def test_signing_in_goes_on_to_where_one_wanted(browser: Browser, sent: Sent) -> None:
    await register(browser, sent)
    await browser.send(form_of(await browser.see("/account"), "/account/sign-out"))
    page = await browser.see("/sign-in?next=/orders")
    wrong = await browser.send(form_of(page, "/sign-in"), email=EMAIL, password="not it at all")
    assert wrong.status_code == 401
    assert "The e-mail address or the password is not right" in wrong.text
    assert f'value="{EMAIL}"' in wrong.text
    signed_in = await browser.send(form_of(wrong.text, "/sign-in"), email=EMAIL, password=PASSWORD)
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/orders")


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/%09/evil.example\t",
        " /account",
        "http:evil.example",
        "/\n//evil.example",
        "",
    ],
)
async def test_nobody_is_sent_elsewhere_by_signing_in(browser: Browser, sent: Sent, elsewhere: str) -> None:
    await register(browser, sent)
    asked = await browser.http.get("/sign-in", params={"next": elsewhere})
    assert asked.status_code == 422
    page = await browser.see("/sign-in")
    form = form_of(page, "/sign-in")
    form.fields["next"] = elsewhere
    answer = await browser.send(form, email=EMAIL, password=PASSWORD)
    assert answer.status_code == 422
    assert "location" not in answer.headers


async def test_a_link_signs_in(browser: Browser, sent: Sent) -> None:
    page = await browser.see("/sign-in/email")
    asked = await browser.send(form_of(page, "/sign-in/email"), email=EMAIL)
    assert EMAIL in asked.text
    page = await browser.see(path_of((await sent())["link"]))
    assert (await browser.send(form_of(page, "/sign-in/link"))).headers["location"] == "/account"
    assert "You are signed in" in await browser.see("/account")


async def test_a_code_signs_in_after_a_wrong_one(browser: Browser, sent: Sent) -> None:
    page = await browser.see("/sign-in/phone?next=/cart")
    asked = await browser.send(form_of(page, "/sign-in/phone"), phone="(415) 555-0123")
    code = (await sent())["code"]
    wrong = await browser.send(form_of(asked.text, "/sign-in/code"), code=f"{(int(code) + 1) % 10**6:06}")
    assert wrong.status_code == 422
    assert "the code" in unescape(wrong.text)
    done = await browser.send(form_of(wrong.text, "/sign-in/code"), code=code)
    assert (done.status_code, done.headers["location"]) == (303, "/cart")


async def test_a_forgotten_password_is_chosen_anew(browser: Browser, sent: Sent) -> None:
    await register(browser, sent)
    page = await browser.see("/forgotten")
    await browser.send(form_of(page, "/forgotten"), email=EMAIL)
    page = await browser.see(path_of((await sent())["link"]))
    bad = await browser.send(form_of(page, "/forgotten/choose"), password="password1")
    assert "Everybody tries that one" in bad.text
    done = await browser.send(form_of(bad.text, "/forgotten/choose"), password="a new and better one")
    assert done.headers["location"] == "/sign-in"
    page = await browser.see("/sign-in")
    assert "Sign in with it" in page
    signed_in = await browser.send(form_of(page, "/sign-in"), email=EMAIL, password="a new and better one")
    assert signed_in.status_code == 303


async def test_an_account_is_looked_after(browser: Browser, sent: Sent) -> None:
    await register(browser, sent)
    page = await browser.see("/account/security")
    assert "Confirmed" in page
    asked = await browser.send(form_of(page, "/account/security/phone"), phone="+14155550123")
    done = await browser.send(form_of(asked.text, "/account/security/phone/confirm"), code=(await sent())["code"])
    assert done.status_code == 303
    page = await browser.see("/account/security")
    assert "+14155550123" in page
    changed = await browser.send(
        form_of(page, "/account/security/password"), current=PASSWORD, new="a new and better one"
    )
    assert changed.status_code == 303
    assert "Your new password is kept" in await browser.see("/account/security")
    await browser.send(form_of(page, "/account/security/email"), email="new@example.com")
    page = await browser.see(path_of((await sent())["link"]))
    await browser.send(form_of(page, "/account/email/confirm"))
    assert "new@example.com" in await browser.see("/account/security")


async def test_devices_are_seen_and_signed_out(app: Any, grocer: SeededShop, browser: Browser, sent: Sent) -> None:
    await register(browser, sent)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=str(browser.http.base_url)) as http:
        other = Browser(http)
        page = await other.see("/sign-in")
        await other.send(form_of(page, "/sign-in"), email=EMAIL, password=PASSWORD)
        page = await browser.see("/account/devices")
        (out, others) = (form for form in forms_of(page) if form.action.startswith("/account/devices/"))
        assert others.action == "/account/devices/others/sign-out"
        assert (await browser.send(out)).status_code == 303
        assert "It is signed out" in await browser.see("/account/devices")
        gone = await other.http.get("/account/devices")
        assert gone.headers["location"] == "/sign-in?next=/account/devices"


async def test_what_is_the_owners_asks_to_sign_in_first(browser: Browser) -> None:
    for path in ("/account/security", "/account/devices"):
        answer = await browser.http.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?next={path}")


async def test_a_shop_without_households_leads_to_the_form(browser: Browser, execute: Any, app: Any) -> None:
    object.__setattr__(app.state.core.settings, "environment", "production")
    answer = await browser.http.get("/account")
    assert answer.headers["location"] == "/sign-in"


async def test_a_name_is_shown_and_never_run(browser: Browser, sent: Sent) -> None:
    page = await browser.see("/register")
    await browser.send(form_of(page, "/register"), name="<script>alert(1)</script>", email=EMAIL, password=PASSWORD)
    page = await browser.see(path_of((await sent())["link"]))
    await browser.send(form_of(page, "/register/confirm"))
    assert "<script>alert(1)" not in await browser.see("/account")


async def test_a_token_that_is_none_is_shown_and_never_run(browser: Browser) -> None:
    page = await browser.see('/sign-in/link?token="><script>alert(1)</script>')
    assert "<script>alert(1)" not in page
    refused = await browser.send(form_of(page, "/sign-in/link"))
    assert refused.status_code == 422


async def test_a_name_is_changed_and_shown_everywhere(browser: Browser, sent: Sent) -> None:
    await register(browser, sent)
    form = form_of(await browser.see("/account/security"), "/account/security/name")
    assert form.fields["display_name"] == "Ada"
    empty = await browser.send(form, display_name=" ")
    assert empty.status_code == 422

    kept = await browser.send(form, display_name="Ada <b>Lovelace</b>")

    assert kept.status_code == 303
    page = await browser.see("/account/security")
    assert 'data-notice="name-changed"' in page
    assert "Ada &lt;b&gt;Lovelace&lt;/b&gt;" in page
    assert "Ada &lt;b&gt;Lovelace&lt;/b&gt;" in await browser.see("/account"), "who buys is called so, too"
    asked = await browser.http.put(
        "/v1/store/accounts/current/name", json={"display_name": "Ada"}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert asked.json()["display_name"] == "Ada"


async def test_a_name_is_changed_by_who_has_signed_in_and_from_this_site_alone(browser: Browser, sent: Sent) -> None:
    assert (await browser.http.put("/v1/store/accounts/current/name", json={"display_name": "X"})).status_code == 401
    await register(browser, sent)
    form = form_of(await browser.see("/account/security"), "/account/security/name")
    forged = await browser.http.post(form.action, data={"display_name": "X"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert forged.status_code == 403
