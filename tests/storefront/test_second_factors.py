"""Second factors on the pages: an app and recovery codes without JavaScript, passkeys in a real browser."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path
from typing import Any

import pyotp
import pytest
from playwright.async_api import CDPSession, Page, ViewportSize, expect

from foundation import clock
from tests.chromium import CHROMIUM, address, devtools, page
from tests.storefront.conftest import Browser, form_of
from tests.storefront.test_accounts import EMAIL, PASSWORD, Sent, _no_waiting, path_of, register, sent

__all__ = ["_no_waiting", "address", "devtools", "page", "sent"]

SECURITY = "/account/security"
SHOTS = os.environ.get("TRADEWIND_SCREENSHOTS")
"""A folder for pictures of the pages, for whoever wants to look at them."""


async def _set_up(browser: Browser) -> tuple[pyotp.TOTP, list[str]]:
    page = await browser.see(f"{SECURITY}/authenticator")
    secret = re.search(r"data-secret>([A-Z2-7 ]+)<", page)
    assert secret is not None
    app = pyotp.TOTP(secret[1].replace(" ", ""))
    form = form_of(page, f"{SECURITY}/authenticator")
    wrong = await browser.send(form, code="000000" if app.at(clock.now()) != "000000" else "111111")
    assert wrong.status_code == 422
    assert secret[1] in wrong.text, "the picture stays the same after a wrong code"
    done = await browser.send(form, code=app.at(clock.now()))
    codes = re.findall(r"data-recovery-code>([^<]+)<", done.text)
    assert len(codes) == 10
    return app, codes


async def _sign_in_again(browser: Browser) -> str:
    await browser.send(form_of(await browser.see("/account"), "/account/sign-out"))
    page = await browser.see("/sign-in?next=/orders")
    answer = await browser.send(form_of(page, "/sign-in"), email=EMAIL, password=PASSWORD)
    assert answer.headers["location"] == "/sign-in/second-factor?next=%2Forders"
    return await browser.see(answer.headers["location"])


async def test_an_app_is_set_up_and_asked_for_and_a_recovery_code_does_instead(browser: Browser, sent: Sent) -> None:
    await register(browser, sent)
    app, codes = await _set_up(browser)
    page = await browser.see(SECURITY)
    assert 'data-codes-left="10"' in page
    page = await _sign_in_again(browser)
    form = form_of(page, "/sign-in/second-factor")
    used_up = await browser.send(form, code=app.at(clock.now()))
    assert "factors.code_refused" in used_up.text, "the code that set it up is used"
    done = await browser.send(form, code=f" {codes[0].lower()} ")
    assert (done.status_code, done.headers["location"]) == (303, "/orders")
    assert "tradewind_ticket" not in browser.http.cookies
    assert 'data-codes-left="9"' in await browser.see(SECURITY)


async def test_nobody_gets_to_the_second_step_without_the_first(browser: Browser, sent: Sent) -> None:
    answer = await browser.http.get("/sign-in/second-factor")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    await register(browser, sent)
    await _set_up(browser)
    await _sign_in_again(browser)
    halfway = await browser.http.get(SECURITY)
    assert (halfway.status_code, halfway.headers["location"]) == (303, "/sign-in?next=/account/security")


async def test_a_proof_that_is_stale_is_asked_for_anew(browser: Browser, sent: Sent, execute: Any) -> None:
    await register(browser, sent)
    await _set_up(browser)
    execute("UPDATE session SET authenticated_at = authenticated_at - INTERVAL '16 minutes'")
    for path, form in (("authenticator/remove", {}), ("email", {"email": "new@example.com"})):
        page = await browser.see(SECURITY)
        refused = await browser.send(form_of(page, f"{SECURITY}/{path}"), **form)
        assert refused.headers["location"] == "/account/confirm?next=%2Faccount%2Fsecurity"
    page = await browser.see(refused.headers["location"])
    assert "Is it still you?" in page
    assert 'action="/account/confirm/password"' not in page, "a password is not enough for an account with a factor"


async def test_where_to_go_on_to_is_a_page_of_this_shop(browser: Browser, sent: Sent) -> None:
    await register(browser, sent)
    for elsewhere in ("https://evil.example/", "//evil.example", "/\\evil.example"):
        assert (await browser.http.get("/account/confirm", params={"next": elsewhere})).status_code == 422
        assert (await browser.http.get("/sign-in/second-factor", params={"next": elsewhere})).status_code == 422


@pytest.fixture
def viewport() -> ViewportSize:
    """A desk's."""
    return {"width": 1280, "height": 900}


async def _virtual_authenticator(page: Page) -> CDPSession:
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return devtools


async def _picture(page: Page, name: str) -> None:
    if SHOTS is None:
        return
    for width, height in ((1280, 900), (390, 844)):
        await page.set_viewport_size({"width": width, "height": height})
        await page.screenshot(path=Path(SHOTS) / f"{name}-{width}.png", full_page=True)
    await page.set_viewport_size({"width": 1280, "height": 900})


async def _goes_sideways(page: Page) -> bool:
    wide: bool = await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return wide


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
async def test_a_passkey_from_making_it_to_signing_in_with_it(page: Page, address: str, sent: Sent) -> None:
    await page.goto(f"{address}/register")
    await page.get_by_label("name").first.fill("Ada")
    await page.get_by_label("E-mail address").fill(EMAIL)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.locator("main form button:not([data-reveal])").click()
    await expect(page.get_by_text("Check your mail")).to_be_visible()
    await page.goto(address + path_of((await sent())["link"]))
    await page.locator("main form button").click()
    await page.goto(f"{address}{SECURITY}")
    await _virtual_authenticator(page)
    await page.get_by_role("link", name="Make a passkey").click()
    await _picture(page, "new-passkey")
    await page.get_by_label("What do you call it?").fill("Telephone")
    await page.get_by_role("button", name="Make it").click()
    await expect(page.locator("[data-recovery-code]")).to_have_count(10)
    await _picture(page, "recovery-codes")
    await page.get_by_role("link", name="I have kept them").click()
    await expect(page.locator("[data-passkey-kept]")).to_contain_text("Telephone")
    await page.get_by_role("link", name="Set it up").click()
    await expect(page.get_by_role("img", name="QR code")).to_be_visible()
    await _picture(page, "authenticator")
    secret = (await page.locator("[data-secret]").text_content() or "").replace(" ", "")
    await page.get_by_label("Six digits").fill(pyotp.TOTP(secret).at(clock.now()))
    await page.get_by_role("button", name="Turn it on").click()
    await expect(page.get_by_text("Your authenticator app is on.")).to_be_visible()
    await _picture(page, "security")
    await page.set_viewport_size({"width": 390, "height": 844})
    assert not await _goes_sideways(page)
    await page.set_viewport_size({"width": 1280, "height": 900})

    await page.goto(f"{address}/account/confirm?next={SECURITY}")
    await expect(page.get_by_role("button", name="Use a passkey")).to_be_visible()
    await _picture(page, "confirm")
    await page.get_by_role("button", name="Use a passkey").click()
    await expect(page.get_by_text("Thank you. Go on")).to_be_visible()

    await page.goto(f"{address}/account")
    await page.get_by_role("button", name="Sign out").click()
    # The browser offers the passkey by itself (conditional mediation), or the button does.
    await page.goto(f"{address}/sign-in?next=/orders")
    button = page.get_by_role("button", name="Sign in with a passkey")
    for _ in range(50):
        if "/orders" in page.url:
            break
        if await button.is_visible():
            await _picture(page, "sign-in")
            await button.click()
        await asyncio.sleep(0.1)
    await expect(page).to_have_url(f"{address}/orders")
    await page.goto(f"{address}{SECURITY}")
    await expect(page.locator("[data-passkey-kept]")).to_contain_text("used")
    await page.get_by_role("button", name="Remove Telephone").click()
    await expect(page.get_by_text("Your passkey opens nothing here any more.")).to_be_visible()
