"""Customers sign in by a provider: whose account it opens, and what comes along."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from commerce.identity import accounts
from commerce.identity.proofs import ATTEMPTS
from tests.access.team import Team
from tests.factories import SeededShop
from tests.federation.conftest import COOKIE, MINE, SESSIONS, Traveller
from tests.federation.realm import ADA, CLIENT, SECRET, Realm, basic
from tests.identity.conftest import Messages

Rows = Callable[..., list[tuple[Any, ...]]]


async def test_somebody_new_gets_an_account_and_a_session(traveller: Traveller, provider: str, realm: Realm) -> None:
    signed_in = await traveller.sign_in(provider)

    assert signed_in.status_code == 201, signed_in.text
    assert signed_in.json()["amr"] == ["fed"]
    account = (await traveller.http.get("/v1/store/accounts/current")).json()
    assert (account["email"], account["display_name"], account["has_password"]) == (ADA["email"], "Ada", False)
    assert account["email_verified_at"] is not None
    (sent,) = realm.forms
    assert sent["grant_type"] == "authorization_code"
    assert basic(realm.authorization_headers[0]) == (CLIENT, SECRET)


async def test_the_same_person_comes_back_to_the_same_account(team: Team, traveller: Traveller, provider: str) -> None:
    first = (await traveller.sign_in(provider)).json()
    again = await (await Traveller(await team.door()).visits()).sign_in(provider)

    assert again.json()["account_id"] == first["account_id"]


async def test_a_new_session_takes_the_place_of_the_old_and_the_cart_comes_along(
    traveller: Traveller, provider: str, grocer: SeededShop
) -> None:
    cart = (await traveller.http.post("/v1/store/carts", headers={"Idempotency-Key": "a"})).json()
    variant = str(grocer.products[0].variant_id)
    line = {"variant_id": variant, "quantity": 2}
    added = await traveller.http.post(
        f"/v1/store/carts/{cart['id']}/lines", json=line, headers={"Idempotency-Key": "b"}
    )
    assert added.is_success, added.text
    planted = traveller.http.cookies[COOKIE]

    await traveller.sign_in(provider)

    assert traveller.http.cookies[COOKIE] != planted
    mine = (await traveller.http.get(f"/v1/store/carts/{cart['id']}")).json()
    assert [one["quantity"] for one in mine["lines"]] == [2]
    stolen = {"Authorization": f"Bearer {planted}"}
    traveller.http.cookies.clear()
    assert (await traveller.http.get(f"{SESSIONS}/current", headers=stolen)).status_code == 401


async def test_an_account_with_a_proved_address_is_linked_and_its_owner_is_told(
    team: Team, traveller: Traveller, provider: str, messages: Messages
) -> None:
    ada = await team.customer(ADA["email"])

    signed_in = await traveller.sign_in(provider)

    assert signed_in.json()["account_id"] == str(ada.account_id)
    (told,) = [one for one in await messages() if one.template == "factor_changed"]
    assert (told.recipient, told.values["what"]) == (ADA["email"], "Company can sign you in from now on")


async def test_an_account_whose_address_nobody_proved_is_not_linked(
    team: Team, traveller: Traveller, provider: str
) -> None:
    async with team.tx() as tx:
        await accounts.create(tx, display_name="Mallory", email=ADA["email"], verified=False)

    refused = await traveller.sign_in(provider)

    assert (refused.status_code, refused.json()["code"]) == (409, "federation.link_first")


@pytest.mark.parametrize("said", [False, None, "false", 1])
async def test_an_address_that_the_provider_does_not_vouch_for_finds_and_makes_nothing(
    team: Team, traveller: Traveller, provider: str, realm: Realm, rows: Rows, said: object
) -> None:
    await team.customer(ADA["email"])
    realm.user["email_verified"] = said
    known = await traveller.sign_in(provider)
    realm.user |= {"sub": "somebody else", "email": "nobody@home.example"}
    unknown = await (await Traveller(await team.door()).visits()).sign_in(provider)

    assert known.json()["code"] == unknown.json()["code"] == "federation.link_first"
    assert {*known.json()} == {*unknown.json()}, "neither says whether there is an account"
    assert rows("SELECT count(*) FROM account") == [(1,)]


async def test_nobody_who_works_here_is_linked_by_their_address(
    team: Team, traveller: Traveller, provider: str
) -> None:
    await team.hire("admin", email=ADA["email"])

    refused = await traveller.sign_in(provider)

    assert refused.json()["code"] == "federation.link_first"


async def test_what_was_to_be_linked_is_linked_after_the_usual_sign_in(
    team: Team, traveller: Traveller, provider: str, realm: Realm
) -> None:
    admin = await team.hire("admin", email=ADA["email"])
    ticket = (await traveller.sign_in(provider)).json()["ticket"]
    there = await team.browser(admin)
    stolen = await there.post(MINE, json={"ticket": ticket})
    assert stolen.json()["code"] == "identity.proof_not_good", "it is good in the browser that brought it"

    realm.user = {**ADA, "email_verified": False}
    ticket = (await Traveller(there).sign_in(provider)).json()["ticket"]
    linked = await there.post(MINE, json={"ticket": ticket})

    assert linked.status_code == 204, linked.text
    assert (await there.post(MINE, json={"ticket": ticket})).json()["code"] == "identity.proof_not_good"
    assert (await traveller.sign_in(provider)).json()["account_id"] == str(admin.account_id)


async def test_a_ticket_that_was_refused_is_good_again_a_few_times(
    team: Team, provider: str, realm: Realm, rows: Rows
) -> None:
    there = await team.browser(await team.hire("admin", email=ADA["email"]))
    realm.user = {**ADA, "email_verified": False}

    async def pressed(ticket: str) -> int:
        return (await there.post(MINE, json={"ticket": ticket})).status_code

    ticket = (await Traveller(there).sign_in(provider)).json()["ticket"]
    rows("UPDATE identity_provider SET is_enabled = false")
    assert [await pressed(ticket) for _ in range(ATTEMPTS - 1)] == [404] * (ATTEMPTS - 1)
    rows("UPDATE identity_provider SET is_enabled = true")
    assert await pressed(ticket) == 204
    assert rows("SELECT count(*) FROM proof WHERE purpose = 'identity'") == [(0,)]

    rows("DELETE FROM external_identity")
    ticket = (await Traveller(there).sign_in(provider)).json()["ticket"]
    rows("UPDATE identity_provider SET is_enabled = false")
    assert [await pressed(ticket) for _ in range(ATTEMPTS)] == [404] * ATTEMPTS
    rows("UPDATE identity_provider SET is_enabled = true")
    assert await pressed(ticket) == 422, "and then no more"


async def test_two_at_once_make_one_account(team: Team, provider: str, rows: Rows) -> None:
    travellers = [await Traveller(await team.door()).visits() for _ in range(2)]

    answers = await asyncio.gather(*(one.sign_in(provider) for one in travellers))

    assert [one.status_code for one in answers] == [201, 201], [one.text for one in answers]
    assert len({one.json()["account_id"] for one in answers}) == 1
    assert rows("SELECT count(*) FROM account") == [(1,)]


async def test_of_google_only_addresses_that_it_still_knows_the_owner_of_count(
    team: Team, traveller: Traveller, provider: str, realm: Realm, rows: Rows
) -> None:
    rows("UPDATE identity_provider SET kind = 'google' WHERE id = %s", provider)
    refused = await traveller.sign_in(provider)
    realm.user["hd"] = "company.example"
    taken = await (await Traveller(await team.door()).visits()).sign_in(provider)

    assert refused.json()["code"] == "federation.link_first"
    assert taken.status_code == 201


async def test_a_second_factor_is_asked_for_after_a_provider_too(
    team: Team, traveller: Traveller, provider: str, rows: Rows
) -> None:
    ada = await team.customer(ADA["email"])
    rows(
        "INSERT INTO passkey (tenant_id, id, account_id, credential_id, public_key, rp_id, sign_count, name, is_synced)"
        " SELECT tenant_id, gen_random_uuid(), id, 'x', '', 'x', 0, '', false FROM account WHERE id = %s",
        ada.account_id,
    )

    half = await traveller.sign_in(provider)

    assert (half.status_code, half.json()["factors"]) == (202, ["passkey"])


async def test_the_providers_of_a_shop_are_listed_without_their_secrets(traveller: Traveller, provider: str) -> None:
    listed = await traveller.http.get("/v1/store/identity-providers")

    assert listed.json()["items"] == [{"id": provider, "kind": "oidc", "name": "Company", "audience": "customers"}]
