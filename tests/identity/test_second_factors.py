"""Second factors over HTTP: enrolling, signing in, proving anew, and what each refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pyotp
import pytest

from foundation import clock
from tests.factories import SeededShop
from tests.identity.conftest import EMAIL, PASSWORD, Messages, browser_at, register, sign_in
from tests.identity.software_authenticator import SoftwareAuthenticator

MINE = "/v1/store/accounts/current"
SESSIONS = "/v1/store/sessions"
COOKIE = "tradewind_session"
Rows = Callable[..., list[tuple[Any, ...]]]


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = clock.now()

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, **duration: float) -> None:
        self.at += timedelta(**duration)


@pytest.fixture
def ticking() -> Iterator[Clock]:
    moved = Clock()
    with clock.use(moved):
        yield moved


@pytest.fixture
async def member(client: httpx.AsyncClient, messages: Messages) -> httpx.AsyncClient:
    await register(client, messages)
    return client


async def _with_app(member: httpx.AsyncClient, ticking: Clock) -> tuple[pyotp.TOTP, list[str]]:
    begun = await member.post(f"{MINE}/authenticator")
    assert begun.status_code == 201, begun.text
    app = pyotp.TOTP(begun.json()["secret"])
    confirmed = await member.post(f"{MINE}/authenticator/confirmations", json={"code": app.at(ticking.at)})
    assert confirmed.status_code == 200, confirmed.text
    ticking.pass_by(seconds=30)
    return app, confirmed.json()["recovery_codes"]


async def _with_passkey(member: httpx.AsyncClient, shop: SeededShop) -> SoftwareAuthenticator:
    device = SoftwareAuthenticator(f"http://{shop.host}")
    asked = (await member.post(f"{MINE}/passkeys/options")).json()
    body = {
        "challenge_id": asked["challenge_id"],
        "name": "Telephone",
        "credential": device.create(asked["public_key"]),
    }
    added = await member.post(f"{MINE}/passkeys", json=body)
    assert added.status_code == 201, added.text
    return device


def _answer(device: SoftwareAuthenticator, asked: httpx.Response) -> dict[str, Any]:
    assert asked.status_code == 200, asked.text
    told = asked.json()
    return {"challenge_id": told["challenge_id"], "credential": device.get(told["public_key"])}


async def test_an_app_is_set_up_and_asked_for_from_then_on(
    member: httpx.AsyncClient, ticking: Clock, messages: Messages
) -> None:
    before = member.cookies[COOKIE]
    app, codes = await _with_app(member, ticking)
    assert member.cookies[COOKIE] != before, "whoever may do more has another token"
    assert len(codes) == 10
    assert "mfa" in (await member.get(f"{SESSIONS}/current")).json()["amr"]
    assert (await messages())[-1].values["what"] == "an authenticator app was added to your account"
    waiting = await sign_in(member)
    assert waiting.status_code == 202
    assert waiting.json()["factors"] == ["totp", "recovery_code"]
    assert (await member.get(f"{MINE}")).json()["email"] == EMAIL, "the session that was there goes on meanwhile"
    ticket = waiting.json()["ticket"]
    done = await member.post(f"{SESSIONS}/second-factor", json={"ticket": ticket, "code": app.at(ticking.at)})
    assert done.status_code == 201, done.text
    assert done.json()["amr"] == ["pwd", "otp", "mfa"]
    again = await member.post(f"{SESSIONS}/second-factor", json={"ticket": ticket, "code": codes[0]})
    assert again.json()["code"] == "identity.proof_not_good", "a ticket is good once"


async def test_no_session_is_given_before_the_second_factor(
    app: Any, grocer: SeededShop, member: httpx.AsyncClient, ticking: Clock
) -> None:
    await _with_app(member, ticking)
    async with browser_at(app, grocer) as thief:
        waiting = await sign_in(thief)
        assert waiting.status_code == 202
        assert COOKIE not in thief.cookies
        assert (await thief.get(MINE)).status_code == 401


async def test_a_used_code_and_a_guess_are_refused_and_guessing_ends(
    app: Any, grocer: SeededShop, member: httpx.AsyncClient, ticking: Clock
) -> None:
    totp, _ = await _with_app(member, ticking)
    code = totp.at(ticking.at)
    ticket = (await sign_in(member)).json()["ticket"]
    assert (await member.post(f"{SESSIONS}/second-factor", json={"ticket": ticket, "code": code})).status_code == 201
    async with browser_at(app, grocer) as thief:
        answers = []
        for _ in range(3):
            ticket = (await sign_in(thief)).json()["ticket"]
            for _ in range(6):
                tried = await thief.post(f"{SESSIONS}/second-factor", json={"ticket": ticket, "code": code})
                answers.append(tried.json()["code"])
    assert answers[:6] == ["factors.code_refused"] * 5 + ["identity.proof_not_good"], "five tries a ticket"
    assert answers[12:] == ["factors.too_many_codes"] * 5 + ["identity.proof_not_good"], "and ten an account"


async def test_a_recovery_code_lets_in_once(member: httpx.AsyncClient, ticking: Clock) -> None:
    _, codes = await _with_app(member, ticking)
    for expected in (201, 422):
        ticket = (await sign_in(member)).json()["ticket"]
        tried = await member.post(f"{SESSIONS}/second-factor", json={"ticket": ticket, "code": codes[3].lower()})
        assert tried.status_code == expected, tried.text
    assert (await member.get(f"{MINE}/factors")).json()["recovery_codes_left"] == 9


async def test_a_ticket_is_good_in_the_browser_that_showed_the_first_factor(
    app: Any, grocer: SeededShop, member: httpx.AsyncClient, ticking: Clock
) -> None:
    totp, _ = await _with_app(member, ticking)
    ticket = (await sign_in(member)).json()["ticket"]
    body = {"ticket": ticket, "code": totp.at(ticking.at)}
    async with browser_at(app, grocer) as other:
        assert (await other.post(f"{SESSIONS}/second-factor", json=body)).json()["code"] == "identity.proof_not_good"
        await other.post(SESSIONS, json={})
        assert (await other.post(f"{SESSIONS}/second-factor", json=body)).json()["code"] == "identity.proof_not_good"
    assert (await member.post(f"{SESSIONS}/second-factor", json=body)).status_code == 201


async def test_a_passkey_signs_in_by_itself_and_ends_the_session_before(
    app: Any, grocer: SeededShop, member: httpx.AsyncClient
) -> None:
    device = await _with_passkey(member, grocer)
    async with browser_at(app, grocer) as browser:
        assert (await browser.post(f"{SESSIONS}/passkey/options")).status_code == 401, "a browser must be known again"
        await browser.post(SESSIONS, json={})
        visitor = browser.cookies[COOKIE]
        answer = _answer(device, await browser.post(f"{SESSIONS}/passkey/options"))
        done = await browser.post(f"{SESSIONS}/passkey", json=answer)
        assert done.status_code == 201, done.text
        assert done.json()["amr"] == ["hwk", "user", "mfa"]
        assert browser.cookies[COOKIE] != visitor
        assert (await browser.get(MINE)).json()["email"] == EMAIL
        assert (await browser.post(f"{SESSIONS}/passkey", json=answer)).status_code == 422, "an answer is good once"


async def test_a_passkey_is_a_second_factor_too(member: httpx.AsyncClient, grocer: SeededShop) -> None:
    device = await _with_passkey(member, grocer)
    waiting = (await sign_in(member)).json()
    assert waiting["factors"] == ["passkey", "recovery_code"]
    asked = await member.post(f"{SESSIONS}/second-factor/passkey-options", json={"ticket": waiting["ticket"]})
    body = {"ticket": waiting["ticket"], "passkey": _answer(device, asked)}
    done = await member.post(f"{SESSIONS}/second-factor", json=body)
    assert done.status_code == 201, done.text
    assert set(done.json()["amr"]) == {"pwd", "hwk", "user", "mfa"}


async def test_a_challenge_of_one_browser_is_not_answered_by_another(
    app: Any, grocer: SeededShop, member: httpx.AsyncClient
) -> None:
    device = await _with_passkey(member, grocer)
    async with browser_at(app, grocer) as victim, browser_at(app, grocer) as thief:
        for browser in (victim, thief):
            await browser.post(SESSIONS, json={})
        answer = _answer(device, await victim.post(f"{SESSIONS}/passkey/options"))
        stolen = await thief.post(f"{SESSIONS}/passkey", json=answer)
        assert stolen.json()["code"] == "factors.passkey_refused"


async def test_what_is_sensitive_needs_a_proof_that_is_recent_and_says_which_will_do(
    member: httpx.AsyncClient, ticking: Clock
) -> None:
    ticking.pass_by(minutes=16)
    refused = await member.post(f"{MINE}/authenticator")
    assert (refused.status_code, refused.json()["code"]) == (401, "identity.prove_again")
    assert (refused.json()["factors"], refused.json()["seconds"]) == (["password"], 900)
    wrong = await member.post(f"{SESSIONS}/current/step-up", json={"password": "something else entirely"})
    assert wrong.json()["code"] == "identity.wrong_credentials"
    before = member.cookies[COOKIE]
    assert (await member.post(f"{SESSIONS}/current/step-up", json={"password": PASSWORD})).status_code == 204
    assert member.cookies[COOKIE] != before
    totp, codes = await _with_app(member, ticking)
    ticking.pass_by(minutes=16)
    refused = await member.delete(f"{MINE}/authenticator")
    assert refused.json()["factors"] == ["totp", "recovery_code"]
    weak = await member.post(f"{SESSIONS}/current/step-up", json={"password": PASSWORD})
    assert (weak.status_code, weak.json()["code"]) == (422, "factors.factor_needed")
    assert (await member.post(f"{SESSIONS}/current/step-up", json={"code": totp.at(ticking.at)})).status_code == 204
    fresh = (await member.post(f"{MINE}/recovery-codes")).json()["recovery_codes"]
    assert set(fresh).isdisjoint(codes)
    assert (await member.delete(f"{MINE}/authenticator")).status_code == 204
    assert (await sign_in(member)).status_code == 201, "nothing more is asked for"
    assert (await member.post(f"{MINE}/recovery-codes")).json()["code"] == "factors.no_factor"


async def test_a_session_without_the_second_factor_may_not_do_what_is_sensitive(
    app: Any, grocer: SeededShop, member: httpx.AsyncClient, ticking: Clock
) -> None:
    """One that was open before the account had a factor is no way around it."""
    async with browser_at(app, grocer) as elsewhere:
        assert (await sign_in(elsewhere)).status_code == 201
        await _with_app(member, ticking)
        refused = await elsewhere.delete(f"{MINE}/authenticator")
        assert refused.json()["factors"] == ["totp", "recovery_code"]
    assert (await member.get(f"{MINE}/factors")).json()["authenticator_since"] is not None


async def test_a_passkey_steps_up_and_one_signed_for_signing_in_does_not(
    member: httpx.AsyncClient, grocer: SeededShop, ticking: Clock
) -> None:
    device = await _with_passkey(member, grocer)
    ticking.pass_by(minutes=16)
    wrong = _answer(device, await member.post(f"{SESSIONS}/passkey/options"))
    refused = await member.post(f"{SESSIONS}/current/step-up", json={"passkey": wrong})
    assert refused.json()["code"] == "factors.passkey_refused"
    right = _answer(device, await member.post(f"{SESSIONS}/current/step-up/passkey-options"))
    assert (await member.post(f"{SESSIONS}/current/step-up", json={"passkey": right})).status_code == 204
    (kept,) = (await member.get(f"{MINE}/factors")).json()["passkeys"]
    assert (await member.patch(f"{MINE}/passkeys/{kept['id']}", json={"name": "Old one"})).status_code == 204
    assert (await member.delete(f"{MINE}/passkeys/{kept['id']}")).status_code == 204
    assert (await member.get(f"{MINE}/factors")).json() == {
        "authenticator_since": None,
        "passkeys": [],
        "recovery_codes_left": 0,
    }


@pytest.mark.parametrize(
    "body",
    [
        {"code": "123456", "password": "both"},
        {},
        {"code": "12345\uff16"},
        {"code": 123456},
        {"passkey": {"challenge_id": "x", "credential": {}}},
        {"code": "123456\u0000"},
    ],
)
async def test_a_proof_that_is_not_well_formed_is_refused(member: httpx.AsyncClient, body: dict[str, Any]) -> None:
    assert (await member.post(f"{SESSIONS}/current/step-up", json=body)).status_code in (400, 422)


@pytest.mark.parametrize("part", ["clientDataJSON", "authenticatorData", "signature", "userHandle"])
async def test_what_signed_nothing_is_refused_and_breaks_nothing(
    member: httpx.AsyncClient, grocer: SeededShop, part: str
) -> None:
    device = await _with_passkey(member, grocer)
    for spoilt in ("AA", "gICAgA", "_" * 200):
        answer = _answer(device, await member.post(f"{SESSIONS}/passkey/options"))
        answer["credential"]["response"][part] = spoilt
        tried = await member.post(f"{SESSIONS}/passkey", json=answer)
        assert tried.json()["code"] == "factors.passkey_refused", (spoilt, tried.text)


async def test_what_attests_nothing_is_refused_and_breaks_nothing(
    member: httpx.AsyncClient, grocer: SeededShop
) -> None:
    for spoilt in ("AA", "oA", "_" * 300):
        asked = (await member.post(f"{MINE}/passkeys/options")).json()
        credential = SoftwareAuthenticator(f"http://{grocer.host}").create(asked["public_key"])
        credential["response"]["attestationObject"] = spoilt
        body = {"challenge_id": asked["challenge_id"], "name": "x", "credential": credential}
        assert (await member.post(f"{MINE}/passkeys", json=body)).json()["code"] == "factors.passkey_refused"
