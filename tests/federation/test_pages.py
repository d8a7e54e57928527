"""Signing in by a provider on the pages, in a browser without JavaScript: away by a form, back by a link."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from commerce.identity import accounts
from tests.access.team import Team
from tests.federation.conftest import COOKIE, add_provider
from tests.federation.realm import ADA, Realm
from tests.identity.conftest import PASSWORD
from tests.storefront.conftest import Browser, form_of, forms_of

Rows = Callable[..., list[tuple[Any, ...]]]
SECURITY = "/account/security"


@pytest.fixture
async def browser(team: Team) -> Browser:
    return Browser(await team.door())


@pytest.fixture
async def member(team: Team, app: Any) -> Browser:
    """Somebody who has signed in to an account with a password."""
    person = await team.customer()
    async with team.tx() as tx:
        await accounts.keep_password(tx, person.account_id, await app.state.core.passwords.hash(PASSWORD))
    return Browser(await team.browser(person))


async def _there_and_back(browser: Browser, page: str, action: str) -> httpx.Response:
    """Press the button, go to the provider, come back."""
    return await browser.http.get(await _sent_back(browser, page, action))


async def _sent_back(browser: Browser, page: str, action: str) -> str:
    left = await browser.send(form_of(page, action))
    assert left.status_code == 200, left.headers
    (url,) = re.findall(r'<a href="([^"]*)" rel="noreferrer"[^>]* data-leave>', left.text)
    async with httpx.AsyncClient() as http:
        location = (await http.get(unescape(url))).headers["location"]
    return location[len(str(browser.http.base_url).rstrip("/")) :]


def _button(provider_id: str) -> str:
    return f"/sign-in/with/{provider_id}"


async def test_from_the_sign_in_page_to_the_provider_and_on_to_where_one_wanted(
    browser: Browser, provider: str
) -> None:
    page = await browser.see("/sign-in?next=/orders")
    assert "Continue with Company" in page
    before = browser.http.cookies[COOKIE]

    back = await _there_and_back(browser, page, _button(provider))

    assert (back.status_code, back.headers["location"]) == (303, "/orders")
    assert browser.http.cookies[COOKIE] != before
    assert "Ada" in await browser.see("/account")


async def test_a_way_out_of_the_shop_is_no_way_on(browser: Browser, provider: str) -> None:
    page = await browser.see("/sign-in")
    form = form_of(page, _button(provider))

    for elsewhere in ("https://attacker.example", "//attacker.example", "/\\attacker.example", "javascript:alert(1)"):
        assert (await browser.send(form, next=elsewhere)).status_code == 422


async def test_whoever_cancels_is_on_the_sign_in_page_again(browser: Browser, provider: str, realm: Realm) -> None:
    realm.cancels = True

    back = await _there_and_back(browser, await browser.see("/sign-in?next=/orders"), _button(provider))

    assert back.status_code == 422
    assert "You are not signed in" in back.text
    assert "federation.cancelled" in back.text
    assert form_of(back.text, "/sign-in").fields["next"] == "/orders"


@pytest.mark.one_database
@pytest.mark.parametrize(
    "query", ["", "?state=x", "?state=x&code=y", "?error=access_denied", "?state=&code=", "?code=" + "x" * 5000]
)
async def test_whoever_brings_nonsense_gets_a_page(browser: Browser, provider: str, query: str) -> None:
    back = await browser.http.get(f"/sign-in/with/{provider}/return{query}")

    assert back.status_code == 422
    assert back.headers["content-type"].startswith("text/html")
    assert "Code: " in back.text


async def test_a_lie_is_told_on_the_sign_in_page_with_its_code(browser: Browser, provider: str, realm: Realm) -> None:
    realm.claims["nonce"] = "another"

    back = await _there_and_back(browser, await browser.see("/sign-in"), _button(provider))

    assert (back.status_code, "federation.not_believed" in back.text) == (401, True)


async def test_the_way_back_of_one_provider_is_not_another_s(
    team: Team, browser: Browser, provider: str, realm: Realm
) -> None:
    other = await add_provider(team, realm, client_id="other")
    location = await _sent_back(browser, await browser.see("/sign-in"), _button(provider))

    back = await browser.http.get(location.replace(provider, other))

    assert (back.status_code, "federation.attempt_over" in back.text) == (422, True)
    assert "Ada" not in await browser.see("/sign-in")


async def test_a_form_of_the_provider_leads_to_the_link_and_is_believed_nothing(
    browser: Browser, provider: str, rows: Rows
) -> None:
    """Apple's way: a form of another site, with which our cookie doesn't come."""
    location = await _sent_back(browser, await browser.see("/sign-in"), _button(provider))
    path, _, query = location.partition("?")
    sent = {**dict(parse_qsl(query)), "user": '{"name": {"firstName": "Ada"}}'}
    from_there = {"Sec-Fetch-Site": "cross-site", "Origin": "https://appleid.apple.com"}
    async with httpx.AsyncClient(transport=browser.http._transport, base_url=browser.http.base_url) as without_cookies:
        posted = await without_cookies.post(path, data=sent, headers=from_there)

    assert (posted.status_code, "set-cookie" in posted.headers) == (303, False)
    assert urlsplit(posted.headers["location"]).path == path
    assert rows("SELECT count(*) FROM account") == [(0,)]
    back = await browser.http.get(posted.headers["location"])
    assert (back.status_code, back.headers["location"]) == (303, "/account")


async def test_what_only_an_account_s_owner_may_link_waits_until_they_have_signed_in(
    team: Team, member: Browser, browser: Browser, provider: str, realm: Realm
) -> None:
    realm.user = {**ADA, "email": "customer@home.example", "email_verified": False}
    back = await _there_and_back(browser, await browser.see("/sign-in"), _button(provider))
    assert (back.status_code, "Sign in or register first" in back.text) == (409, True)

    form = form_of(back.text, "/sign-in")
    signed_in = await browser.send(form, email="customer@home.example", password=PASSWORD)
    assert signed_in.headers["location"] == SECURITY
    page = await browser.see(SECURITY)
    assert "Link Company?" in page
    linked = await browser.send(form_of(page, f"{SECURITY}/identities/waiting"))

    assert linked.headers["location"] == SECURITY
    page = await browser.see(SECURITY)
    assert "Link Company?" not in page
    assert "customer@home.example · used" in page


async def test_an_identity_is_linked_and_unlinked_on_the_security_page(
    member: Browser, provider: str, realm: Realm
) -> None:
    page = await member.see(SECURITY)
    linked = await _there_and_back(member, page, f"{SECURITY}/identities/with/{provider}")
    assert (linked.status_code, linked.headers["location"]) == (303, SECURITY)
    page = await member.see(SECURITY)
    assert "linked. Next time, it can sign you in" in page
    assert ADA["email"] in page
    (unlink,) = [form for form in forms_of(page) if form.action.endswith("/unlink")]

    assert (await member.send(unlink)).headers["location"] == SECURITY

    assert ADA["email"] not in await member.see(SECURITY)
    again = await member.send(unlink)
    assert (again.status_code, "unlinked already" in again.text) == (404, True)


async def test_another_s_identity_is_refused_on_the_security_page(
    team: Team, member: Browser, browser: Browser, provider: str
) -> None:
    await _there_and_back(browser, await browser.see("/sign-in"), _button(provider))

    refused = await _there_and_back(member, await member.see(SECURITY), f"{SECURITY}/identities/with/{provider}")

    assert (refused.status_code, "It is linked already" in refused.text) == (409, True)


async def test_linking_and_unlinking_ask_first_whether_it_is_still_them(
    member: Browser, provider: str, rows: Rows
) -> None:
    rows("UPDATE session SET authenticated_at = now() - interval '1 hour'")

    asked = await member.send(form_of(await member.see(SECURITY), f"{SECURITY}/identities/with/{provider}"))

    assert asked.headers["location"] == "/account/confirm?next=%2Faccount%2Fsecurity"


async def test_whoever_has_nothing_but_the_provider_proves_it_there(browser: Browser, provider: str) -> None:
    await _there_and_back(browser, await browser.see("/sign-in"), _button(provider))
    page = await browser.see(f"/account/confirm?next={SECURITY}")
    assert "Prove it at Company" in page

    proved = await _there_and_back(browser, page, f"/account/confirm/with/{provider}")

    assert (proved.status_code, proved.headers["location"]) == (303, SECURITY)


async def test_one_that_can_not_be_asked_anew_sends_them_to_another_way(
    browser: Browser, provider: str, rows: Rows, realm: Realm
) -> None:
    realm.user["hd"] = "company.example"
    rows("UPDATE identity_provider SET kind = 'google'")
    await _there_and_back(browser, await browser.see("/sign-in"), _button(provider))

    asked = await browser.http.get(f"/account/confirm?next={SECURITY}")

    assert asked.headers["location"] == "/sign-in?next=%2Faccount%2Fsecurity"
    assert "by a link or a code" in await browser.see(asked.headers["location"])


async def test_staff_are_shown_their_company_and_customers_are_not(
    browser: Browser, company: str, team: Team, realm: Realm
) -> None:
    customers = await add_provider(team, realm, client_id="customers", name="Everybody")
    invited = await (await team.boss()).post("/v1/admin/staff", json={"email": ADA["email"], "roles": ["analyst"]})
    assert invited.status_code == 201

    shop = await browser.see("/sign-in")
    office = await browser.see("/sign-in?next=/back-office")

    assert (_button(customers) in shop, _button(company) in shop) == (True, False)
    assert (_button(customers) in office, _button(company) in office) == (False, True)
    back = await _there_and_back(browser, office, _button(company))
    assert back.headers["location"] == "/back-office"
    assert "vendors:read" in await browser.see("/back-office")


async def test_signing_out_ends_it_at_the_provider_too(browser: Browser, provider: str, realm: Realm) -> None:
    await _there_and_back(browser, await browser.see("/sign-in"), _button(provider))

    left = await browser.send(form_of(await browser.see("/account"), "/account/sign-out"))

    (url,) = re.findall(r'<a href="([^"]*)" rel="noreferrer"[^>]* data-leave>', left.text)
    there = httpx.URL(unescape(url))
    assert str(there).startswith(f"{realm.issuer}/protocol/openid-connect/logout?")
    assert there.params["post_logout_redirect_uri"] == f"{str(browser.http.base_url).rstrip('/')}/account"
    assert "Ada" not in await browser.see("/account")


async def test_signing_out_ends_it_here_also_when_the_provider_is_gone(
    browser: Browser, provider: str, rows: Rows
) -> None:
    await _there_and_back(browser, await browser.see("/sign-in"), _button(provider))
    form = form_of(await browser.see("/account"), "/account/sign-out")
    rows("DELETE FROM identity_provider")

    assert (await browser.send(form)).headers["location"] == "/account"


async def test_the_way_in_is_tidy_when_the_provider_does_not_answer(
    browser: Browser, provider: str, rows: Rows
) -> None:
    rows("UPDATE identity_provider SET issuer = 'https://10.0.0.1'")

    left = await browser.send(form_of(await browser.see("/sign-in"), _button(provider)))

    assert (left.status_code, "federation.provider_unusable" in left.text) == (422, True)
