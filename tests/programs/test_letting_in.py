"""A customer lets a program in; a code, a token and a consent are good for what they were given for and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest

from foundation import clock
from tests.programs.conftest import CHALLENGE, REDIRECT, VERIFIER, Customer, Program, answered, registered

GOOD = 200


async def test_a_program_that_was_let_in_acts_for_the_customer(program: Program, customer: Customer) -> None:
    answer = answered(await customer.decide(program.link()))
    assert (answer["state"], answer["iss"]) == ("xyz", "http://grocer.localhost")
    tokens = await program.redeem(answer["code"])
    assert tokens.status_code == GOOD, tokens.text
    assert tokens.headers["cache-control"] == "no-store"
    said = tokens.json()
    assert (said["token_type"], said["expires_in"], said["scope"]) == ("Bearer", 600, "store:read store:write")
    who = await program.as_bearer(said["access_token"], path="/v1/store/sessions/current")
    mine = await customer.http.get("/v1/store/sessions/current")
    assert who.json()["customer_id"] == mine.json()["customer_id"]
    cart = await program.as_bearer(said["access_token"], "POST", "/v1/store/carts")
    assert cart.status_code == 201, cart.text


async def test_a_program_that_may_only_read_changes_nothing(program: Program, customer: Customer) -> None:
    tokens = (await program.redeem(await customer.let_in(program, scope="store:read"))).json()
    assert tokens["scope"] == "store:read"
    assert (await program.as_bearer(tokens["access_token"])).status_code == GOOD
    refused = await program.as_bearer(tokens["access_token"], "POST", "/v1/store/carts")
    assert (refused.status_code, refused.json()["code"]) == (403, "oauth.scope_not_granted")
    grown = await program.renew(tokens["refresh_token"], scope="store:read store:write")
    assert (grown.status_code, grown.json()["error"]) == (400, "invalid_scope")
    assert (await program.renew(tokens["refresh_token"])).json()["scope"] == "store:read"


async def test_a_program_that_acts_for_a_customer_is_no_staff(program: Program, customer: Customer) -> None:
    tokens = (await program.redeem(await customer.let_in(program))).json()
    assert (await program.as_bearer(tokens["access_token"], path="/v1/admin/orders")).status_code == 401


async def test_a_customer_who_says_no_has_allowed_nothing(program: Program, customer: Customer, rows: Any) -> None:
    answer = answered(await customer.decide(program.link(), "deny"))
    assert (answer["error"], answer["state"]) == ("access_denied", "xyz")
    assert rows("SELECT count(*) FROM oauth_grant") == [(0,)]


async def test_somebody_who_is_not_signed_in_signs_in_first_and_comes_back(
    program: Program, app: Any, http: httpx.AsyncClient
) -> None:
    link = program.link()
    sent = await http.get(link)
    assert sent.status_code == 303
    page = await http.get(sent.headers["location"])
    assert link.replace("&", "&amp;") in page.text
    signed_in = await http.post(
        "/account/sign-in",
        data={"reference": "household-1", "next": link},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert signed_in.headers["location"] == link
    assert (await http.get(link)).status_code == GOOD


async def test_another_site_can_not_press_the_button(program: Program, customer: Customer, rows: Any) -> None:
    form = {"asked": program.link().partition("?")[2], "decision": "allow"}
    pressed = await customer.http.post("/oauth/authorize", data=form, headers={"Sec-Fetch-Site": "cross-site"})
    assert pressed.status_code == 403
    assert rows("SELECT count(*) FROM oauth_grant") == [(0,)]


async def test_the_page_can_not_be_framed_and_goes_only_to_the_program(program: Program, customer: Customer) -> None:
    page = await customer.http.get(program.link())
    assert "See your orders" in page.text
    assert "See your orders" not in page.text.partition("<main")[0], "the search box is empty"
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' https://app.example;" in policy


@pytest.mark.parametrize(
    "redirect",
    [
        None,
        "",
        "https://app.example/callback/",
        "https://app.example/callback/../evil",
        "https://app.example/callback?next=https://evil.example",
        "https://app.example/callback#x",
        "https://app.example/Callback",
        "https://app.example/call",
        "https://app.example.evil.example/callback",
        "https://app.example@evil.example/callback",
        "https://evil.example/https://app.example/callback",
        "https://app.example:444/callback",
        "http://app.example/callback",
        "https://APP.example/callback",
        "https://app.example/%63allback",
        "https://app.example\\.evil.example/callback",
        "//evil.example/callback",
        "javascript:alert(1)",
    ],
)
async def test_nobody_is_sent_to_an_address_that_is_not_registered(
    program: Program, customer: Customer, redirect: str | None
) -> None:
    for link in (program.link(redirect_uri=redirect), program.link(redirect_uri=redirect, response_type="token")):
        page = await customer.http.get(link)
        assert (page.status_code, page.headers.get("location")) == (400, None), "shown, not sent"
        form = {"asked": link.partition("?")[2], "decision": "allow"}
        pressed = await customer.http.post("/oauth/authorize", data=form, headers={"Sec-Fetch-Site": "same-origin"})
        assert (pressed.status_code, pressed.headers.get("location")) == (400, None)


@pytest.mark.parametrize("client_id", [None, "", "nobody", "00000000-0000-0000-0000-000000000000", "a\x00b"])
async def test_a_program_that_is_not_there_is_shown_not_sent(
    program: Program, customer: Customer, client_id: str | None
) -> None:
    page = await customer.http.get(program.link(client_id=client_id))
    assert (page.status_code, page.headers.get("location")) == (400, None)


async def test_a_parameter_that_comes_twice_is_shown_not_sent(program: Program, customer: Customer) -> None:
    page = await customer.http.get(f"{program.link()}&redirect_uri=https://evil.example/")
    assert (page.status_code, page.headers.get("location")) == (400, None)


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain", "code_challenge": VERIFIER}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"scope": "store:read orders:refund"}, "invalid_scope"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"resource": "https://elsewhere.example"}, "invalid_target"),
    ],
)
async def test_what_is_wrong_with_a_question_is_said_to_the_program(
    program: Program, customer: Customer, more: dict[str, str | None], error: str
) -> None:
    sent = await customer.http.get(program.link(**more))
    answer = answered(sent)
    assert sent.headers["location"].startswith(REDIRECT + "?")
    assert (answer["error"], answer["state"], answer["iss"]) == (error, "xyz", "http://grocer.localhost")
    assert "code" not in answer


@pytest.mark.parametrize(
    "wrong",
    [
        {"code_verifier": "x" * 43},
        {"code_verifier": CHALLENGE},
        {"redirect_uri": "https://app.example/other"},
        {"redirect_uri": REDIRECT + "/"},
    ],
)
async def test_a_code_is_bound_to_how_it_was_asked_for_and_good_for_one_try(
    program: Program, customer: Customer, wrong: dict[str, str]
) -> None:
    code = await customer.let_in(program)
    refused = await program.redeem(code, **wrong)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert (await program.redeem(code)).json()["error"] == "invalid_grant", "no second guess"


async def test_a_code_without_its_proof_is_not_looked_at(program: Program, customer: Customer) -> None:
    code = await customer.let_in(program)
    assert (await program.redeem(code, code_verifier=None)).json()["error"] == "invalid_request"
    assert (await program.redeem(code)).status_code == GOOD


async def test_a_code_shown_twice_ends_what_came_of_it(program: Program, customer: Customer) -> None:
    code = await customer.let_in(program)
    tokens = (await program.redeem(code)).json()
    assert (await program.as_bearer(tokens["access_token"])).status_code == GOOD
    assert (await program.redeem(code)).json()["error"] == "invalid_grant"
    assert (await program.as_bearer(tokens["access_token"])).status_code == 401
    assert (await program.renew(tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_of_two_who_show_a_code_at_once_neither_keeps_anything(program: Program, customer: Customer) -> None:
    code = await customer.let_in(program)
    answers = await asyncio.gather(*(program.redeem(code) for _ in range(4)))
    good = [answer.json() for answer in answers if answer.status_code == GOOD]
    assert len(good) == 1
    assert (await program.as_bearer(good[0]["access_token"])).status_code == 401


async def test_a_code_is_good_for_a_minute(program: Program, customer: Customer) -> None:
    start = clock.now()
    for seconds, status in ((59, GOOD), (61, 400)):
        with clock.use(lambda: start):
            code = await customer.let_in(program)
        with clock.use(lambda seconds=seconds: start + timedelta(seconds=seconds)):  # type: ignore[misc]
            assert (await program.redeem(code)).status_code == status


async def test_a_code_ends_with_the_session_that_it_was_given_in(program: Program, customer: Customer) -> None:
    code = await customer.let_in(program)
    assert (await customer.http.delete("/v1/store/sessions/current")).status_code == 204
    assert (await program.redeem(code)).json()["error"] == "invalid_grant"


async def test_a_code_is_no_other_clients(
    program: Program, customer: Customer, staff: httpx.AsyncClient, http: httpx.AsyncClient
) -> None:
    other = await registered(staff, http, name="Other")
    code = await customer.let_in(program)
    assert (await other.redeem(code)).json()["error"] == "invalid_grant"
    tokens = (await program.redeem(code)).json()
    assert (await other.renew(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    await other.http.post(
        "/oauth/revoke", data={"client_id": other.id, "client_secret": other.secret, "token": tokens["refresh_token"]}
    )
    assert (await program.renew(tokens["refresh_token"])).status_code == GOOD


async def test_a_refresh_token_is_good_once_and_a_second_use_ends_the_family(
    program: Program, customer: Customer
) -> None:
    first = (await program.redeem(await customer.let_in(program))).json()
    second = (await program.renew(first["refresh_token"])).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert (await program.as_bearer(second["access_token"])).status_code == GOOD
    stolen = await program.renew(first["refresh_token"])
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    for token in (first["access_token"], second["access_token"]):
        assert (await program.as_bearer(token)).status_code == 401
    assert (await program.renew(second["refresh_token"])).json()["error"] == "invalid_grant"


async def test_of_two_who_renew_at_once_the_family_ends(program: Program, customer: Customer) -> None:
    tokens = (await program.redeem(await customer.let_in(program))).json()
    answers = await asyncio.gather(*(program.renew(tokens["refresh_token"]) for _ in range(4)))
    (good,) = [answer.json() for answer in answers if answer.status_code == GOOD]
    assert (await program.as_bearer(good["access_token"])).status_code == 401


async def test_tokens_end_in_their_time(program: Program, customer: Customer) -> None:
    tokens = (await program.redeem(await customer.let_in(program))).json()
    now = clock.now()
    with clock.use(lambda: now + timedelta(minutes=10, seconds=1)):
        assert (await program.as_bearer(tokens["access_token"])).status_code == 401
        tokens = (await program.renew(tokens["refresh_token"])).json()
        assert (await program.as_bearer(tokens["access_token"])).status_code == GOOD
    with clock.use(lambda: now + timedelta(days=31)):
        assert (await program.renew(tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_a_consent_ends_in_its_time(program: Program, customer: Customer) -> None:
    tokens = (await program.redeem(await customer.let_in(program))).json()
    start = clock.now()
    for days in range(20, 180, 20):
        with clock.use(lambda days=days: start + timedelta(days=days)):  # type: ignore[misc]
            renewed = await program.renew(tokens["refresh_token"])
            assert renewed.status_code == GOOD, days
            tokens = renewed.json()
    with clock.use(lambda: start + timedelta(days=180, seconds=1)):
        assert (await program.renew(tokens["refresh_token"])).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("shown", ["access_token", "refresh_token"])
async def test_a_token_that_is_revoked_ends_at_once_with_its_family(
    program: Program, customer: Customer, shown: str
) -> None:
    tokens = (await program.redeem(await customer.let_in(program))).json()
    form = {"client_id": program.id, "client_secret": program.secret, "token": tokens[shown]}
    for _ in range(2):
        assert (await program.http.post("/oauth/revoke", data=form)).status_code == GOOD, "again is no error"
    assert (await program.as_bearer(tokens["access_token"])).status_code == 401
    assert (await program.renew(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    told = await program.http.post("/oauth/introspect", data=form)
    assert told.json() == {"active": False}


async def test_a_program_that_is_disabled_may_do_nothing(
    program: Program, customer: Customer, staff: httpx.AsyncClient
) -> None:
    tokens = (await program.redeem(await customer.let_in(program))).json()
    assert (await staff.delete(f"/v1/admin/programs/{program.id}")).status_code == 204
    assert (await program.as_bearer(tokens["access_token"])).status_code == 401
    assert (await program.renew(tokens["refresh_token"])).json()["error"] == "invalid_client"
    assert (await customer.http.get(program.link())).status_code == 400


async def test_what_a_program_may_no_longer_ask_for_its_tokens_can_not_do(
    program: Program, customer: Customer, staff: httpx.AsyncClient
) -> None:
    tokens = (await program.redeem(await customer.let_in(program))).json()
    changed = await staff.patch(f"/v1/admin/programs/{program.id}", json={"scopes": ["store:read"]})
    assert changed.status_code == GOOD, changed.text
    assert (await program.as_bearer(tokens["access_token"])).status_code == GOOD
    assert (await program.as_bearer(tokens["access_token"], "POST", "/v1/store/carts")).status_code == 403


async def test_an_app_on_a_phone_needs_no_secret_and_may_take_any_port(
    staff: httpx.AsyncClient, http: httpx.AsyncClient, customer: Customer
) -> None:
    uris = ["http://127.0.0.1/cb", "com.example.app:/cb"]
    phone = await registered(staff, http, kind="public", redirect_uris=uris)
    assert phone.secret is None
    for redirect in ("http://127.0.0.1:49152/cb", "com.example.app:/cb"):
        phone.redirect = redirect
        tokens = await phone.redeem(await customer.let_in(phone))
        assert tokens.status_code == GOOD, tokens.text
    for redirect in ("http://127.0.0.1:49152/other", "http://localhost:49152/cb", "https://127.0.0.1:49152/cb"):
        assert (await customer.http.get(phone.link(redirect_uri=redirect))).status_code == 400
    phone.secret = "tws_guess"
    assert (await phone.renew(tokens.json()["refresh_token"])).json()["error"] == "invalid_client"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"redirect_uris": ["http://app.example/cb"]}, "redirect URI"),
        ({"redirect_uris": ["https://app.example/cb#x"]}, "redirect URI"),
        ({"redirect_uris": ["https://*.example/cb"]}, "redirect URI"),
        ({"redirect_uris": ["https://user@app.example/cb"]}, "redirect URI"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "redirect URI"),
        ({"redirect_uris": ["com.example.app:/cb"]}, "redirect URI"),
        ({"redirect_uris": []}, "redirect URI"),
        ({"kind": "public", "grants": ["client_credentials"], "scopes": ["orders:read"]}, "keep a secret"),
        ({"scopes": ["orders:everything"]}, "no scope"),
        ({"scopes": ["orders:read"]}, "client_credentials"),
        ({"grants": ["refresh_token"]}, "authorization_code"),
    ],
)
async def test_a_program_that_could_not_work_is_not_registered(
    staff: httpx.AsyncClient, more: dict[str, Sequence[str]], says: str
) -> None:
    body = {
        "name": "Odd",
        "kind": "confidential",
        "grants": ["authorization_code"],
        "scopes": ["store:read"],
        "redirect_uris": [REDIRECT],
        **more,
    }
    refused = await staff.post("/v1/admin/programs", json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "programs.client_invalid")
    assert says in refused.json()["reason"]


async def test_a_customer_ends_what_they_allowed_and_nobody_else_does(
    program: Program, customer: Customer, http: httpx.AsyncClient, rows: Any
) -> None:
    tokens = (await program.redeem(await customer.let_in(program))).json()
    page = await customer.http.get("/account/programs")
    assert "Budget app" in page.text
    ((grant_id,),) = rows("SELECT id FROM oauth_grant")
    button = f"/account/programs/{grant_id}/end"
    assert f'action="{button}"' in page.text
    here = {"Sec-Fetch-Site": "same-origin"}
    await http.post("/v1/store/sessions", json={"reference": "household-2"})
    assert (await http.post(button, data={}, headers=here)).status_code == 404
    assert (await program.as_bearer(tokens["access_token"])).status_code == GOOD
    assert (await customer.http.post(button, data={}, headers=here)).status_code == 303
    assert (await program.as_bearer(tokens["access_token"])).status_code == 401
    assert "Budget app" not in (await customer.http.get("/account/programs")).text
