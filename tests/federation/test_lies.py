"""What a provider, or somebody between, may try: each is refused, with a code, and opens nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response

from commerce.federation import issuers
from commerce.federation.issuers import Issuers
from foundation import clock
from foundation.outbound import Limits
from tests.access.team import Team
from tests.federation.conftest import PROVIDERS, SESSIONS, Traveller, add_provider, setting
from tests.federation.realm import Realm, running

Rows = Callable[..., list[tuple[Any, ...]]]
NOT_BELIEVED = "federation.not_believed"


def _refused(answer: httpx.Response) -> tuple[str, str | None]:
    assert answer.status_code >= 400, answer.text
    assert answer.status_code < 500, answer.text
    assert "set-cookie" not in answer.headers
    said = answer.json()
    return said["code"], said.get("reason")


def ago(*, hours: int) -> timedelta:
    """A time as a token tells it, counted from when the test runs."""
    return timedelta(hours=hours)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("claim", "value", "reason"),
    [
        ("nonce", "another", "nonce"),
        ("nonce", None, "nonce"),
        ("aud", "another client", "audience"),
        ("aud", ["shop", "another client"], None),
        ("azp", "another client", "audience"),
        ("iss", "http://127.0.0.1:1/realms/company", "issuer"),
        ("exp", ago(hours=1), "time"),
        ("exp", None, "time"),
        ("exp", "tomorrow", "time"),
        ("iat", ago(hours=-1), "time"),
        ("iat", ago(hours=1), "time"),
        ("iat", None, "time"),
        ("nbf", ago(hours=-1), "time"),
        ("at_hash", "AAAA", "access_token"),
        ("sub", "", "subject"),
        ("sub", "x" * 256, "subject"),
        ("sub", 7, "subject"),
    ],
)
async def test_a_token_that_is_not_for_us_now_and_this_sign_in_is_refused(
    traveller: Traveller, provider: str, realm: Realm, claim: str, value: object, reason: str | None
) -> None:
    realm.claims[claim] = int(time.time() - value.total_seconds()) if isinstance(value, timedelta) else value
    if reason is None:  # somebody else may read it too, so it must say at whose wish it was made
        realm.claims["azp"] = None
        reason = "audience"

    assert _refused(await traveller.sign_in(provider)) == (NOT_BELIEVED, reason)


@pytest.mark.parametrize(
    ("forged", "reason"),
    [
        ("none", "signature"),
        ("public key as secret", "signature"),
        ("another's key", "signature"),
        ("unknown kid", "key"),
    ],
)
async def test_a_token_that_the_provider_did_not_sign_is_refused(
    traveller: Traveller, provider: str, realm: Realm, forged: str, reason: str
) -> None:
    realm.forged = forged

    assert _refused(await traveller.sign_in(provider)) == (NOT_BELIEVED, reason)


async def test_several_audiences_are_fine_when_the_token_was_made_for_us(
    traveller: Traveller, provider: str, realm: Realm
) -> None:
    realm.claims["aud"] = ["shop", "another client"]

    assert (await traveller.sign_in(provider)).status_code == 201


async def test_a_new_key_is_asked_for_and_not_by_every_token_that_names_one(
    team: Team, traveller: Traveller, provider: str, realm: Realm
) -> None:
    assert (await traveller.sign_in(provider)).status_code == 201
    before = _asked_for_keys(realm)
    realm.rotate()
    with clock.use(_in(seconds=11)):
        rotated = await (await Traveller(await team.door()).visits()).sign_in(provider)
        assert rotated.status_code == 201, rotated.text
        assert _asked_for_keys(realm) == before + 1
        realm.forged = "unknown kid"
        for _ in range(3):
            assert _refused(await traveller.sign_in(provider)) == (NOT_BELIEVED, "key")
    assert _asked_for_keys(realm) == before + 1, "it was asked just now"


async def test_what_a_provider_says_of_itself_is_asked_for_once_an_hour(
    traveller: Traveller, provider: str, realm: Realm, app: Any
) -> None:
    await traveller.begin(provider)
    before = len(realm.asked)
    await traveller.begin(provider)
    assert len(realm.asked) == before
    with clock.use(_in(minutes=61)):
        await app.state.core.issuers.metadata(app.state.core.outbound, "oidc", realm.issuer)
    assert len(realm.asked) == before + 1


async def test_a_state_and_a_code_are_good_once(team: Team, traveller: Traveller, provider: str) -> None:
    brought = await traveller.go(provider)
    assert (await traveller.http.post(f"{SESSIONS}/provider", json=brought)).status_code == 201
    assert _refused(await traveller.http.post(f"{SESSIONS}/provider", json=brought))[0] == "federation.attempt_over"

    another = await Traveller(await team.door()).visits()
    spent = {**await another.go(provider), "code": brought["code"]}
    assert _refused(await another.http.post(f"{SESSIONS}/provider", json=spent)) == (NOT_BELIEVED, "code")


async def test_nobody_comes_back_in_another_browser(team: Team, traveller: Traveller, provider: str) -> None:
    brought = await traveller.go(provider)
    victim = await Traveller(await team.door()).visits()

    assert _refused(await victim.http.post(f"{SESSIONS}/provider", json=brought))[0] == "federation.attempt_over"
    assert (await traveller.http.post(f"{SESSIONS}/provider", json=brought)).status_code == 201, "it is still theirs"


async def test_a_code_is_no_use_to_who_does_not_know_the_verifier(
    team: Team, traveller: Traveller, provider: str
) -> None:
    stolen = (await traveller.go(provider))["code"]
    thief = await Traveller(await team.door()).visits()
    injected = {**await thief.go(provider), "code": stolen}

    assert _refused(await thief.http.post(f"{SESSIONS}/provider", json=injected)) == (NOT_BELIEVED, "code")


async def test_it_is_over_after_ten_minutes(traveller: Traveller, provider: str) -> None:
    brought = await traveller.go(provider)
    with clock.use(_in(minutes=11)):
        late = await traveller.http.post(f"{SESSIONS}/provider", json=brought)

    assert _refused(late)[0] == "federation.attempt_over"


@pytest.mark.parametrize("named", ["http://attacker.example", None])
async def test_one_provider_does_not_answer_in_another_s_name(
    traveller: Traveller, provider: str, named: str | None
) -> None:
    brought = await traveller.go(provider)
    mixed = {name: value for name, value in {**brought, "iss": named}.items() if value is not None}

    assert _refused(await traveller.http.post(f"{SESSIONS}/provider", json=mixed)) == (NOT_BELIEVED, "issuer")


async def test_whoever_cancels_there_is_told_so(traveller: Traveller, provider: str, realm: Realm) -> None:
    realm.cancels = True

    refused = await traveller.sign_in(provider)

    assert (refused.status_code, refused.json()["code"], refused.json()["error"]) == (
        422,
        "federation.cancelled",
        "access_denied",
    )


TOO_LARGE = Response(b'{"keys": [' + b" " * 200_000 + b"]}", media_type="application/json")


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("path", "lie", "reason"),
    [
        ("/certs", TOO_LARGE, "answer"),
        ("/certs", RedirectResponse("http://169.254.169.254/latest/meta-data"), "answer"),
        ("/certs", JSONResponse({"keys": []}), "keys"),
        (
            "/certs",
            JSONResponse({"keys": [{"kty": "oct", "k": "c2VjcmV0"}, {"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}),
            "keys",
        ),
        ("/certs", JSONResponse({"keys": "none"}), "keys"),
        ("/certs", Response("{", media_type="application/json"), "answer"),
        ("/certs", Response("<p>", media_type="text/html"), "answer"),
        ("/token", Response("<p>", media_type="text/html"), "answer"),
        ("/token", JSONResponse([]), "answer"),
        ("/token", JSONResponse({"access_token": "x"}), "answer"),
        ("/token", JSONResponse({"error": "invalid_client"}, status_code=401), "client"),
    ],
)
async def test_an_answer_that_is_none_is_refused(
    team: Team, realm: Realm, traveller: Traveller, provider: str, app: Any, path: str, lie: Response, reason: str
) -> None:
    realm.answers[path] = lie
    with clock.use(_in(minutes=61)):  # what was remembered is asked for again
        another = await Traveller(await team.door()).visits()
        refused = await another.sign_in(provider)

    assert _refused(refused) == ("federation.provider_unusable", reason)


async def test_a_provider_that_does_not_answer_in_time_is_given_up(
    traveller: Traveller, provider: str, realm: Realm, monkeypatch: pytest.MonkeyPatch
) -> None:

    realm.slow = 5.0
    monkeypatch.setattr(issuers, "LIMITS", Limits(seconds=0.2, content_types=issuers.LIMITS.content_types))
    with clock.use(_in(minutes=61)):
        refused = await traveller.sign_in(provider)

    assert _refused(refused) == ("federation.provider_unusable", "no_answer")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"issuer": "https://somebody.else.example"}, "issuer"),
        ({"authorization_endpoint": "http://company.example/auth"}, "insecure"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "address"),
        ({"token_endpoint": "http://10.0.0.1/token"}, "insecure"),
        ({"jwks_uri": "https://10.0.0.1/keys"}, "address"),
        ({"jwks_uri": "https://169.254.169.254/keys"}, "address"),
        ({"jwks_uri": None}, "answer"),
        ({"end_session_endpoint": "http://company.example/out"}, "insecure"),
        ({"response_types_supported": ["id_token"]}, "code_flow"),
        ({"code_challenge_methods_supported": ["plain"]}, "pkce"),
        ({"id_token_signing_alg_values_supported": ["HS256", "none"]}, "algorithms"),
        ({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}, "client_authentication"),
    ],
)
async def test_a_provider_that_can_not_be_used_is_not_set_up(
    team: Team, realm: Realm, rows: Rows, said: dict[str, Any], reason: str
) -> None:
    realm.metadata = said

    refused = await (await team.boss()).post(PROVIDERS, json=setting(realm))

    assert (refused.status_code, refused.json()["code"]) == (422, "federation.provider_unusable")
    assert refused.json()["reason"] == reason
    assert rows("SELECT count(*) FROM identity_provider") == [(0,)]


@pytest.mark.parametrize(
    "issuer",
    [
        "http://company.example",
        "https://10.0.0.1",
        "https://[::1]/",
        "https://169.254.169.254/latest",
        "file:///etc/passwd",
        "https://user@company.example",
        "https://company.example?x=1",
    ],
)
async def test_an_issuer_that_may_not_be_called_is_not_set_up(team: Team, realm: Realm, issuer: str) -> None:
    refused = await (await team.boss()).post(PROVIDERS, json=setting(realm, issuer=issuer))

    assert refused.status_code == 422
    assert refused.json()["code"] in {"federation.provider_unusable", "federation.provider_invalid"}


async def test_so_many_issuers_are_remembered_and_no_more(app: Any, realm: Realm) -> None:

    known, outbound = Issuers(most=2), app.state.core.outbound
    with running() as second, running() as third:
        for one in (realm, second, third):
            await known.metadata(outbound, "oidc", one.issuer)
        assert len(known) == 2
        before = len(third.asked)
        await known.metadata(outbound, "oidc", third.issuer)
        await known.metadata(outbound, "oidc", realm.issuer)

    assert len(third.asked) == before
    assert realm.asked.count("/realms/company/.well-known/openid-configuration") == 2, "it had to go for the third"


async def test_with_two_providers_each_has_its_own_way_back(team: Team, realm: Realm, traveller: Traveller) -> None:
    with running() as other:
        other.metadata = {"authorization_response_iss_parameter_supported": False}
        ids = [await add_provider(team, one) for one in (realm, other)]
        urls = [(await traveller.begin(one)).json()["url"] for one in ids]

    for provider_id, url in zip(ids, urls, strict=True):
        assert httpx.URL(url).params["redirect_uri"].endswith(f"/sign-in/with/{provider_id}/return")


def _asked_for_keys(realm: Realm) -> int:
    return sum(path.endswith("/certs") for path in realm.asked)


def _in(**later: float) -> Callable[[], datetime]:
    """A clock that is so much ahead; the provider's, which is the system's, is not."""
    at = clock.now() + timedelta(**later)
    return lambda: at
