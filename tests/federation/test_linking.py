"""Identities of an account: linked, let go, and used to prove anew who somebody is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.access.team import Team
from tests.federation.conftest import COOKIE, MINE, SESSIONS, Traveller
from tests.federation.realm import ADA, Realm
from tests.identity.conftest import Messages

Rows = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
async def member(team: Team) -> Traveller:
    """Somebody who has signed in to an account, of which the provider knows nothing yet."""
    return Traveller(await team.browser(await team.customer()))


async def _identities(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = (await http.get(MINE)).json()["items"]
    return listed


async def test_an_identity_is_linked_whatever_its_address_and_signs_in(
    member: Traveller, traveller: Traveller, provider: str, messages: Messages
) -> None:
    mine = (await member.http.get("/v1/store/accounts/current")).json()

    assert (await member.link(provider)).status_code == 204

    (linked,) = await _identities(member.http)
    assert (linked["provider"], linked["label"]) == ("Company", ADA["email"])
    assert (await messages())[-1].values["what"] == "Company can sign you in from now on"
    assert (await traveller.sign_in(provider)).json()["account_id"] == mine["id"]


async def test_to_link_it_again_changes_nothing_and_tells_nobody(
    member: Traveller, provider: str, messages: Messages
) -> None:
    await member.link(provider)
    before = len(await messages())

    assert (await member.link(provider)).status_code == 204

    assert len(await _identities(member.http)) == 1
    assert len(await messages()) == before


async def test_another_s_identity_is_not_linked_and_whose_it_is_is_not_said(
    team: Team, member: Traveller, provider: str
) -> None:
    await member.link(provider)
    another = Traveller(await team.browser(await team.customer("another@home.example")))

    refused = await another.link(provider)

    assert (refused.status_code, refused.json()["code"]) == (409, "federation.identity_taken")
    assert "customer@home.example" not in refused.text
    assert await _identities(another.http) == []


async def test_what_was_begun_to_link_signs_nobody_in_and_the_other_way_round(member: Traveller, provider: str) -> None:
    brought = await member.go(provider, "link")
    assert (await member.http.post(f"{SESSIONS}/provider", json=brought)).json()["code"] == "federation.attempt_over"
    brought = await member.go(provider)
    assert (await member.http.post(MINE, json=brought)).json()["code"] == "federation.attempt_over"


async def test_linking_takes_somebody_who_has_proved_lately_who_they_are(
    member: Traveller, provider: str, rows: Rows
) -> None:
    rows("UPDATE session SET authenticated_at = now() - interval '1 hour'")

    refused = await member.begin(provider, "link")

    assert (refused.status_code, refused.json()["code"]) == (401, "identity.prove_again")


async def test_another_site_can_not_begin_it(member: Traveller, provider: str) -> None:
    from_elsewhere = {"Sec-Fetch-Site": "cross-site"}

    for path in (
        f"/v1/store/identity-providers/{provider}/attempts",
        f"/account/security/identities/with/{provider}",
        f"/sign-in/with/{provider}",
    ):
        refused = await member.http.post(path, headers=from_elsewhere)
        assert refused.status_code == 403, path
        assert (await member.http.get(path, headers=from_elsewhere)).status_code == 405, path


async def test_an_identity_is_let_go_and_its_owner_is_told(
    member: Traveller, traveller: Traveller, provider: str, messages: Messages, realm: Realm
) -> None:
    await member.link(provider)
    (linked,) = await _identities(member.http)

    assert (await member.http.delete(f"{MINE}/{linked['id']}")).status_code == 204

    assert await _identities(member.http) == []
    assert (await messages())[-1].values["what"] == "Company can't sign you in any more"
    realm.user["email_verified"] = False
    assert (await traveller.sign_in(provider)).json()["code"] == "federation.link_first"
    gone = await member.http.delete(f"{MINE}/{linked['id']}")
    assert (gone.status_code, gone.json()["code"]) == (404, "federation.identity_not_found")


async def test_the_last_way_in_is_not_let_go(member: Traveller, provider: str, rows: Rows) -> None:
    await member.link(provider)
    rows("UPDATE account SET email_verified_at = NULL")
    (linked,) = await _identities(member.http)

    refused = await member.http.delete(f"{MINE}/{linked['id']}")

    assert (refused.status_code, refused.json()["code"]) == (409, "identity.last_way_in")
    assert len(await _identities(member.http)) == 1


async def test_a_sign_in_by_a_provider_proves_nothing_anew(traveller: Traveller, provider: str, realm: Realm) -> None:
    """The provider may have let them through without asking: what it says of when they proved it counts."""
    await traveller.sign_in(provider)

    refused = await traveller.begin(provider, "link")

    assert refused.json()["code"] == "identity.prove_again"
    assert refused.json()["factors"] == ["provider"]


async def test_a_provider_that_asks_anew_proves_it(traveller: Traveller, provider: str) -> None:
    await traveller.sign_in(provider)
    before = traveller.http.cookies[COOKIE]
    begun = await traveller.begin(provider, "step_up")
    asked = httpx.URL(begun.json()["url"]).params
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")

    proved = await traveller.http.post(
        f"{SESSIONS}/current/step-up/provider", json=await traveller.go(provider, "step_up")
    )

    assert proved.status_code == 204, proved.text
    assert traveller.http.cookies[COOKIE] != before
    assert (await traveller.begin(provider, "link")).status_code == 201


@pytest.mark.parametrize("said", [None, True, "now"])
async def test_one_that_did_not_ask_anew_does_not(
    traveller: Traveller, provider: str, realm: Realm, said: object
) -> None:
    await traveller.sign_in(provider)
    if said is True:
        realm.reauthenticates = False
    else:
        realm.claims["auth_time"] = said

    refused = await traveller.http.post(
        f"{SESSIONS}/current/step-up/provider", json=await traveller.go(provider, "step_up")
    )

    assert (refused.status_code, refused.json()["code"]) == (401, "federation.not_proved_anew")


async def test_somebody_else_at_the_provider_proves_nothing(traveller: Traveller, provider: str, realm: Realm) -> None:
    await traveller.sign_in(provider)
    realm.user["sub"] = "somebody else"

    refused = await traveller.http.post(
        f"{SESSIONS}/current/step-up/provider", json=await traveller.go(provider, "step_up")
    )

    assert (refused.status_code, refused.json()["code"]) == (403, "federation.other_identity")


async def test_where_there_is_a_second_factor_a_provider_proves_too_little(
    member: Traveller, provider: str, rows: Rows
) -> None:
    await member.link(provider)
    rows(
        "INSERT INTO passkey (tenant_id, id, account_id, credential_id, public_key, rp_id, sign_count, name, is_synced)"
        " SELECT tenant_id, gen_random_uuid(), id, 'x', '', 'x', 0, '', false FROM account"
    )

    refused = await member.http.post(f"{SESSIONS}/current/step-up/provider", json=await member.go(provider, "step_up"))

    assert refused.json()["code"] == "factors.factor_needed"


async def test_whoever_signed_out_meanwhile_links_nothing(team: Team, member: Traveller, provider: str) -> None:
    brought = await member.go(provider, "link")
    another = await team.browser(await team.customer("another@home.example"))

    refused = await another.post(MINE, json=brought)

    assert refused.json()["code"] == "federation.attempt_over"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("back", "status"),
    [
        ("https://shop.example/callback", 201),
        ("https://shop.example.attacker.example/callback", 422),
        ("https://attacker.example/", 422),
        ("http://shop.example/callback", 422),
        ("https://user@shop.example/callback", 422),
        ("https://shop.example/callback#fragment", 422),
        ("//attacker.example", 422),
        ("javascript:alert(1)", 422),
    ],
)
async def test_codes_go_to_pages_of_origins_that_the_shop_names(
    traveller: Traveller, provider: str, rows: Rows, app: Any, grocer: Any, back: str, status: int
) -> None:
    rows('UPDATE tenant SET settings = settings || \'{"cors_origins": ["https://shop.example"]}\'')
    app.state.core.directory.heard(str(grocer.id))

    begun = await traveller.begin(provider, redirect_uri=back)

    assert begun.status_code == status, begun.text
    if status == 201:
        assert httpx.URL(begun.json()["url"]).params["redirect_uri"] == back
    else:
        assert begun.json()["code"] == "federation.redirect_refused"
