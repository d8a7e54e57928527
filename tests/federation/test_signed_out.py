"""Whoever signs out at the provider is signed out here, once the provider says so by a token that holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from joserfc.jwk import RSAKey

from tests.access.team import Team
from tests.federation.conftest import BUTTONS, SESSIONS, Traveller
from tests.federation.realm import Realm
from tests.federation.test_staff import linked

Rows = Callable[..., list[tuple[Any, ...]]]


async def _told(http: httpx.AsyncClient, provider_id: str, token: str) -> httpx.Response:
    return await http.post(f"{BUTTONS}/{provider_id}/logouts", data={"logout_token": token})


async def _is_signed_in(one: Traveller) -> bool:
    answer = await one.http.get(f"{SESSIONS}/current")
    return bool(answer.status_code == 200 and answer.json()["account_id"])


@pytest.fixture
async def server(team: Team) -> httpx.AsyncClient:
    """The provider's own connection to the shop: it has no cookie."""
    return await team.door()


async def test_staff_who_sign_out_at_their_company_are_out_of_the_back_office(
    team: Team, company: str, realm: Realm, server: httpx.AsyncClient, rows: Rows
) -> None:
    person, _ = await linked(team, realm, company, "analyst", email="ann@company.example")
    there = await Traveller(await team.door()).visits()
    await there.sign_in(company)
    by_link = await team.browser(person)
    assert (await there.http.get("/back-office")).status_code == 200

    told = await _told(server, company, realm.logout_token())

    assert (told.status_code, told.headers["cache-control"]) == (200, "no-store")
    assert (await there.http.get("/back-office")).status_code == 303
    assert (await by_link.get("/back-office")).status_code == 200, "they came in by something else"
    assert rows("SELECT count(*) FROM audit_entry WHERE action = 'sessions.ended_elsewhere'") == [(1,)]


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ({}, [False, True]),
        ({"sub": None}, [False, True]),
        ({"sid": None}, [False, False]),
        ({"sub": "x"}, [True, True]),
    ],
)
async def test_a_session_ends_or_all_of_somebody_s(
    team: Team, provider: str, realm: Realm, server: httpx.AsyncClient, said: dict[str, object], left: list[bool]
) -> None:
    both = []
    for session in ("one", "another"):
        realm.session = session
        both.append(await Traveller(await team.door()).visits())
        assert (await both[-1].sign_in(provider)).status_code == 201
    realm.session = "one"

    assert (await _told(server, provider, realm.logout_token(**said))).status_code == 200

    assert [await _is_signed_in(one) for one in both] == left


async def test_a_token_that_is_shown_again_ends_nothing(
    traveller: Traveller, provider: str, realm: Realm, server: httpx.AsyncClient
) -> None:
    await traveller.sign_in(provider)
    token = realm.logout_token()
    assert (await _told(server, provider, token)).status_code == 200
    await traveller.visits()
    await traveller.sign_in(provider)

    assert (await _told(server, provider, token)).status_code == 200

    assert await _is_signed_in(traveller)


LIES: list[tuple[dict[str, object], str]] = [
    ({"iss": "https://attacker.example"}, "issuer"),
    ({"aud": "another"}, "audience"),
    ({"aud": ["shop", "another"]}, "audience"),
    ({"iat": None}, "time"),
    ({"exp": None}, "time"),
    ({"exp": 1}, "time"),
    ({"iat": 1}, "time"),
    ({"iat": 2**40}, "time"),
    ({"nonce": "a nonce"}, "events"),
    ({"events": None}, "events"),
    ({"events": ["http://schemas.openid.net/event/backchannel-logout"]}, "events"),
    ({"events": {"http://schemas.openid.net/event/another": {}}}, "events"),
    ({"sid": None, "sub": None}, "subject"),
    ({"sub": 7}, "subject"),
    ({"jti": None}, "id"),
    ({"header": {"typ": "at+jwt"}}, "type"),
    ({"header": {"kid": "nobody's"}}, "key"),
]


async def test_no_other_token_signs_anybody_out(
    traveller: Traveller, provider: str, realm: Realm, server: httpx.AsyncClient
) -> None:
    await traveller.sign_in(provider)
    tokens = [(realm.logout_token(**said), reason) for said, reason in LIES]  # type: ignore[arg-type]
    tokens += [("x", "signature"), (realm.logout_token()[:-4] + "AAAA", "signature")]
    for token, reason in tokens:
        refused = await _told(server, provider, token)
        assert (refused.status_code, refused.json()["code"]) == (400, "federation.logout_refused"), reason
        assert refused.json()["reason"] == reason
    realm.keys.append(RSAKey.generate_key(2048, {"kid": realm.keys[-1].kid}))
    forged = realm.logout_token()
    realm.keys.pop()
    assert (await _told(server, provider, forged)).json()["reason"] == "signature"

    assert await _is_signed_in(traveller)
    assert (await _told(server, "0198f000-0000-7000-8000-000000000000", realm.logout_token())).status_code == 404
    assert (await server.post(f"{BUTTONS}/{provider}/logouts", data={})).status_code == 422
