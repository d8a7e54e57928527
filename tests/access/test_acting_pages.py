"""Acting as a customer by pages: from the back office into the shop, under a banner, and out again."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from fastapi.routing import APIRoute
from sqlalchemy import text

from commerce.policies import areas
from foundation.database import hot
from foundation.settings import Settings
from tests.access.team import Person, Team
from tests.factories import SeededShop, seed_shop
from tests.waiting import comes, started
from tradewind.building import build

SAME = {"Sec-Fetch-Site": "same-origin"}
FORM = {"category": "order", "reason": "She rang: the coupon does not work.", "ticket": ""}
BANNER = "data-acting "


async def _customer_id(team: Team, person: Person) -> str:
    async with team.tx() as tx:
        rows = await tx.rows(hot(text("SELECT customer_id FROM account WHERE id = :id")), {"id": person.account_id})
    return str(rows[0]["customer_id"])


async def _office(team: Team, *roles: str) -> httpx.AsyncClient:
    browser = await team.browser(await team.hire(*(roles or ("support_agent",))))
    browser.headers.update(SAME)
    return browser


def _handed(page: httpx.Response) -> tuple[str, str]:
    assert page.status_code == 200, page.text
    found = re.search(r'action="(http[^"]+/acting)".*?name="token" value="([\w-]{43})"', page.text)
    assert found
    return found[1], found[2]


async def _go(team: Team, browser: httpx.AsyncClient, customer_id: str) -> None:
    begun = await browser.post(f"/back-office/customers/{customer_id}/acting", data=FORM)
    at, token = _handed(begun)
    entered = await browser.post(at, data={"token": token}, headers={"Origin": f"http://{team.shop.host}"})
    assert (entered.status_code, entered.headers["location"]) == (303, "/"), entered.text


async def test_an_agent_finds_a_customer_acts_under_a_banner_and_ends(team: Team) -> None:
    customer_id = await _customer_id(team, await team.customer())
    browser = await _office(team)
    found = await browser.post("/back-office/customers", data={"q": "customer@home.example"})
    assert f'href="/back-office/customers/{customer_id}"' in found.text
    assert "customer@home.example" not in found.text.replace('value="customer@home.example"', "")
    assert 'name="reason"' in (await browser.get(f"/back-office/customers/{customer_id}")).text
    await _go(team, browser, customer_id)
    home = await browser.get("/")
    assert BANNER in home.text
    assert re.search(r"<strong>support_agent</strong>, you act as <strong>Ann</strong>", home.text)
    assert re.search(r"\b(29|30) min left", home.text)
    assert (await browser.get("/back-office")).status_code == 200, "the back office is still open beside it"
    ended = await browser.post("/acting/end")
    assert ended.status_code == 303
    after = await browser.get("/")
    assert BANNER not in after.text
    assert 'data-notice="acting-ended"' in after.text
    assert "support_agent" in after.text, "they are themselves again"


async def test_every_page_has_the_banner_and_what_is_closed_says_so(team: Team) -> None:
    customer_id = await _customer_id(team, await team.customer())
    browser = await _office(team)
    await _go(team, browser, customer_id)
    looked = 0
    for route in team.app.router.routes:
        if not isinstance(route, APIRoute) or "GET" not in route.methods or not _is_page(route):
            continue
        page = await browser.get(re.sub(r"\{[^}]+\}", str(uuid4()), route.path))
        if page.status_code == 303 or "text/html" not in page.headers.get("content-type", ""):
            continue
        looked += 1
        assert BANNER in page.text, route.path
        area = areas.area_of(route)
        assert ("acting.not_allowed" in page.text) == (area is None or not area.open), route.path
    assert looked > 30


KNOW_NOBODY = ("/sign-up", "/shop/", "/images/", "/checkout/razorpay/back")
"""What opens a shop, what pages load, and where a provider sends browsers: none of them asks who looks."""


def _is_page(route: APIRoute) -> bool:
    return route.endpoint.__module__.startswith("storefront.") and not route.path.startswith(KNOW_NOBODY)


async def test_a_closed_form_changes_nothing(team: Team) -> None:
    customer_id = await _customer_id(team, await team.customer())
    browser = await _office(team)
    await _go(team, browser, customer_id)
    for path, data in (
        ("/account/security/email", {"email": "thief@home.example"}),
        ("/account/security/password", {"current": "x", "new": "correct horse battery"}),
        ("/account/devices/others/sign-out", {}),
        ("/account/messages", {}),
        ("/account/payment-methods", {}),
        ("/sign-in", {"email": "a@b.example", "password": "x"}),
    ):
        assert (await browser.post(path, data=data)).status_code == 403, path
    assert (await browser.post("/account/sign-out")).status_code == 303, "leaving is always open"
    assert BANNER not in (await browser.get("/")).text


async def test_the_token_is_taken_from_pages_of_the_shop_alone(team: Team, database_urls: Any) -> None:
    customer_id = await _customer_id(team, await team.customer())
    elsewhere: SeededShop = seed_shop(database_urls, "chemist")
    browser = await _office(team)
    at, token = _handed(await browser.post(f"/back-office/customers/{customer_id}/acting", data=FORM))
    stranger = await team.door()
    for origin in ("https://evil.example", f"http://{elsewhere.host}", "null", "", "http://["):
        headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
        refused = await stranger.post(at, data={"token": token}, headers=headers)
        assert (refused.status_code, "acting.not_from_here" in refused.text) == (403, True), origin
        assert "set-cookie" not in refused.headers
    assert (await stranger.post(at, data={"token": token})).status_code == 403, "a browser says where it comes from"


async def test_it_is_handed_over_to_the_primary_domain(team: Team, database_urls: Any) -> None:
    customer_id = await _customer_id(team, await team.customer())
    with psycopg.connect(database_urls.owner) as owner:
        owner.execute(
            "INSERT INTO tenant_domain (host, tenant_id, is_primary) VALUES ('shop.example', %s, true)", (team.shop.id,)
        )
    team.app.state.core.directory.close()
    browser = await _office(team)
    begun = await browser.post(f"/back-office/customers/{customer_id}/acting", data=FORM)
    at, token = _handed(begun)
    assert at == "http://shop.example/acting"
    assert "form-action 'self' http://shop.example;" in begun.headers["content-security-policy"]
    from_office = {"Origin": f"http://{team.shop.host}", "Sec-Fetch-Site": "cross-site"}
    entered = await browser.post(at, data={"token": token}, headers=from_office)
    assert entered.status_code == 303
    assert BANNER in (await browser.get("http://shop.example/")).text
    assert "tradewind_session" not in {c.name for c in browser.cookies.jar if c.domain == "shop.example"}
    again = await browser.post(at, data={"token": token}, headers=from_office)
    assert again.status_code == 422, "a token is good once"


async def test_what_comes_too_late_is_not_done_as_oneself(team: Team) -> None:
    customer_id = await _customer_id(team, await team.customer())
    browser = await _office(team)
    await _go(team, browser, customer_id)
    async with team.tx() as tx:
        await tx.rows(hot(text("UPDATE acting SET ends_at = now() - interval '1 second'")))
    line = {"variant_id": str(team.shop.products[0].variant_id), "quantity": "1"}
    late = await browser.post("/cart/lines", data=line)
    assert (late.status_code, "acting.ended" in late.text) == (401, True)
    async with team.tx() as tx:
        assert (await tx.rows(hot(text("SELECT count(*) FROM cart_line"))))[0][0] == 0
    assert BANNER not in (await browser.get("/")).text, "and the browser is the agent's own again"


async def test_signing_out_of_the_back_office_ends_it(team: Team) -> None:
    customer_id = await _customer_id(team, await team.customer())
    browser = await _office(team)
    await _go(team, browser, customer_id)
    acting_cookie = browser.cookies["tradewind_acting"]
    assert (await browser.post("/back-office/sign-out")).status_code == 303
    kept = await team.door(acting_cookie)
    assert (await kept.get("/v1/store/orders")).json()["code"] == "acting.ended"


async def test_whoever_proved_it_long_ago_proves_it_first_and_loses_no_words(team: Team) -> None:
    customer_id = await _customer_id(team, await team.customer())
    agent = await team.hire("support_agent")
    browser = await team.browser(agent)
    browser.headers.update(SAME)
    async with team.tx() as tx:
        earlier = "UPDATE session SET authenticated_at = now() - interval '16 minutes' WHERE account_id = :id"
        await tx.rows(hot(text(earlier)), {"id": agent.account_id})
    page = await browser.get(f"/back-office/customers/{customer_id}")
    assert 'name="reason"' not in page.text, "nothing is typed that would be lost"
    proving = f"/account/confirm?next=%2Fback-office%2Fcustomers%2F{customer_id}"
    assert f'href="{proving}"' in page.text
    sent = await browser.post(f"/back-office/customers/{customer_id}/acting", data=FORM)
    assert (sent.status_code, sent.headers["location"]) == (303, proving)


@pytest.mark.parametrize("role", ["analyst", "warehouse_manager", "merchandiser"])
async def test_others_do_not_see_customers(team: Team, role: str) -> None:
    customer_id = await _customer_id(team, await team.customer())
    browser = await _office(team, role)
    assert "/back-office/customers" not in (await browser.get("/back-office")).text
    assert (await browser.get(f"/back-office/customers/{customer_id}")).status_code == 403
    assert (await browser.post(f"/back-office/customers/{customer_id}/acting", data=FORM)).status_code == 403


async def test_nonsense_is_told_and_nothing_begins(team: Team) -> None:
    customer_id = await _customer_id(team, await team.customer())
    browser = await _office(team)
    assert (await browser.post("/back-office/customers", data={"q": "a@b"})).status_code == 422
    assert (await browser.post(f"/back-office/customers/{uuid4()}/acting", data=FORM)).status_code == 404
    short = await browser.post(f"/back-office/customers/{customer_id}/acting", data=FORM | {"reason": "why not"})
    assert short.status_code == 422
    odd = await browser.post(f"/back-office/customers/{customer_id}/acting", data=FORM | {"category": "fun"})
    assert odd.status_code == 422
    async with team.tx() as tx:
        assert (await tx.rows(hot(text("SELECT count(*) FROM acting"))))[0][0] == 0


async def test_the_customer_sees_it_among_their_devices(team: Team) -> None:
    customer = await team.customer()
    browser = await _office(team)
    await _go(team, browser, await _customer_id(team, customer))
    page = await (await team.browser(customer)).get("/account/devices")
    assert 'data-helped="order"' in page.text
    assert "coupon" not in page.text


async def test_an_answer_that_was_kept_and_a_page_that_is_not_there_say_it_too(
    settings: Settings, grocer: SeededShop
) -> None:
    app = build(settings.model_copy(update={"catalogue_cache_mb": 1}))
    async with started(app), AsyncExitStack() as until_over:
        team = Team(app, grocer, until_over)
        browser, nobody = await _office(team), await team.door()
        await _go(team, browser, await _customer_id(team, await team.customer()))
        await comes(lambda: app.state.core.kept._open)
        kept = f"/v1/store/products/{grocer.products[0].handle}"
        await nobody.get(kept)

        answer = await browser.get(kept)

        assert "age" in answer.headers, "it was kept"
        assert "until=" in answer.headers["tradewind-acting"]
        assert "tradewind-acting" not in (await nobody.get(kept)).headers
        nowhere = await browser.get("/nowhere/at/all")
        assert (nowhere.status_code, BANNER in nowhere.text) == (404, True)
        assert "tradewind-acting" in nowhere.headers
        assert "tradewind-acting" not in (await browser.get("/back-office")).headers
