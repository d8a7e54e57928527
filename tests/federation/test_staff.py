"""Staff come by their company's provider: who is hired, who is not, and who must come by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from commerce.identity import accounts
from commerce.policies.limits import Said
from commerce.staffing import service as staffing
from commerce.staffing.granting import grant_of
from tests.access.team import Person, Team
from tests.factories import owner
from tests.federation.conftest import PROVIDERS, SESSIONS, Traveller, add_provider, setting
from tests.federation.realm import ADA, Realm
from tests.identity.conftest import PASSWORD, Messages

Rows = Callable[..., list[tuple[Any, ...]]]
REQUIREMENT = "/v1/admin/staff-sign-in"
RULE = {"audience": "staff", "domains": ["company.example"], "role": "analyst"}


async def _invite(team: Team, email: str = ADA["email"], role: str = "merchandiser") -> None:
    async with team.tx() as tx:
        grant, home = grant_of([role], [], Said()), f"http://{team.shop.host}"
        await staffing.invite(tx, owner(team.shop.id), None, email=email, grant=grant, home=home, locale="en-US")


async def linked(team: Team, realm: Realm, provider_id: str, *roles: str, email: str) -> tuple[Person, Traveller]:
    """Somebody who works here, and whom the provider knows."""
    person = await team.hire(*roles, email=email)
    realm.user = {"sub": email, "email": email, "email_verified": True}
    there = Traveller(await team.browser(person))
    done = await there.link(provider_id)
    assert done.status_code == 204, done.text
    return person, there


async def test_who_is_invited_begins_to_work_at_their_first_sign_in(
    team: Team, traveller: Traveller, company: str, rows: Rows
) -> None:
    await _invite(team)

    signed_in = await traveller.sign_in(company)

    assert signed_in.status_code == 201, signed_in.text
    assert rows("SELECT status, roles FROM membership") == [("active", ["merchandiser"])]
    assert rows("SELECT count(*) FROM proof") == [(0,)], "the link of the invitation is over"
    assert (await traveller.http.get("/v1/admin/catalog/prices")).status_code != 401
    actions = {action for (action,) in rows("SELECT action FROM audit_entry")}
    assert {"identity_providers.added", "staffing.invited", "staffing.accepted"} <= actions


async def test_who_is_not_invited_does_not(team: Team, traveller: Traveller, company: str, rows: Rows) -> None:
    await _invite(team, "somebody@company.example")

    refused = await traveller.sign_in(company)

    assert (refused.status_code, refused.json()["code"]) == (403, "federation.not_invited")
    assert rows("SELECT count(*) FROM account") == [(0,)]


async def test_an_invitation_is_not_taken_up_with_an_address_that_is_not_vouched_for(
    team: Team, traveller: Traveller, company: str, realm: Realm, rows: Rows
) -> None:
    await _invite(team)
    realm.user["email_verified"] = False

    assert (await traveller.sign_in(company)).json()["code"] == "federation.link_first"
    assert rows("SELECT status FROM membership") == [("invited",)]


async def test_a_customer_becomes_staff_by_an_invitation_and_not_without(
    team: Team, traveller: Traveller, company: str, rows: Rows
) -> None:
    ada = await team.customer(ADA["email"])
    refused = await traveller.sign_in(company)
    assert refused.json()["code"] == "federation.not_invited"
    assert rows("SELECT count(*) FROM external_identity") == [(0,)]

    await _invite(team)
    signed_in = await traveller.sign_in(company)

    assert signed_in.json()["account_id"] == str(ada.account_id)
    over = await ada.http.get(f"{SESSIONS}/current")
    assert over.status_code == 401, "a session from before must not work here"


async def test_an_account_whose_address_nobody_proved_is_not_hired(
    team: Team, traveller: Traveller, company: str
) -> None:
    async with team.tx() as tx:
        await accounts.create(tx, display_name="Mallory", email=ADA["email"], verified=False)
    await _invite(team)

    assert (await traveller.sign_in(company)).json()["code"] == "federation.link_first"


async def test_a_rule_hires_people_of_its_domains(team: Team, realm: Realm, traveller: Traveller, rows: Rows) -> None:
    provider_id = await add_provider(team, realm, **RULE)

    assert (await traveller.sign_in(provider_id)).status_code == 201

    assert rows("SELECT status, roles, invited_by FROM membership") == [
        ("active", ["analyst"], f"provider:{provider_id}")
    ]


@pytest.mark.parametrize(
    "user",
    [
        {"email": "ada@elsewhere.example"},
        {"email": "ada@company.example.attacker.example"},
        {"email": "ada@sub.company.example"},
        {"email_verified": False},
        {"email": None},
    ],
)
async def test_a_rule_hires_nobody_else(
    team: Team, realm: Realm, traveller: Traveller, rows: Rows, user: dict[str, object]
) -> None:
    provider_id = await add_provider(team, realm, **RULE)
    realm.user |= user

    assert (await traveller.sign_in(provider_id)).json()["code"] == "federation.domain_refused"
    assert rows("SELECT count(*) FROM membership") == [(0,)]


async def test_domains_without_a_role_hire_nobody(team: Team, realm: Realm, traveller: Traveller) -> None:
    provider_id = await add_provider(team, realm, audience="staff", domains=["company.example"])

    assert (await traveller.sign_in(provider_id)).json()["code"] == "federation.not_invited"


async def test_nobody_has_newcomers_given_more_than_they_may_do(team: Team, realm: Realm) -> None:
    little = (await team.clerk("identity_providers:write", "identity_providers:read")).http

    refused = await little.post(PROVIDERS, json=setting(realm, **{**RULE, "role": "admin"}))

    assert (refused.status_code, refused.json()["code"]) == (403, "staffing.cannot_grant")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"audience": "customers", "domains": ["company.example"]}, "audience"),
        ({"audience": "staff", "role": "analyst"}, "domains"),
        ({"kind": "google"}, "issuer"),
        ({"issuer": None}, "issuer"),
    ],
)
async def test_a_setting_that_does_not_fit_is_refused(
    team: Team, realm: Realm, more: dict[str, object], reason: str
) -> None:
    refused = await (await team.boss()).post(PROVIDERS, json=setting(realm, **more))

    assert (refused.json()["code"], refused.json()["reason"]) == ("federation.provider_invalid", reason)


async def test_who_works_here_links_the_company_s_account_and_comes_by_it(
    team: Team, traveller: Traveller, company: str, realm: Realm
) -> None:
    person, _ = await linked(team, realm, company, "analyst", email="ann@company.example")

    assert (await traveller.sign_in(company)).json()["account_id"] == str(person.account_id)


async def test_a_customer_can_not_link_what_staff_come_by(team: Team, company: str) -> None:
    customer = Traveller(await team.browser(await team.customer()))

    refused = await customer.begin(company, "link")

    assert (refused.status_code, refused.json()["code"]) == (403, "federation.not_invited")


@pytest.mark.parametrize("status", ["suspended", "removed"])
async def test_who_does_not_work_here_any_more_does_not_come_in(
    team: Team, traveller: Traveller, company: str, realm: Realm, rows: Rows, status: str
) -> None:
    person, _ = await linked(team, realm, company, "analyst", email="ann@company.example")
    rows("UPDATE membership SET status = %s WHERE id = %s", status, person.member_id)

    assert (await traveller.sign_in(company)).json()["code"] == "federation.not_invited"


class TestRequired:
    """The shop's staff must come by its provider."""

    @pytest.fixture
    async def owner(self, team: Team, company: str, realm: Realm) -> tuple[Person, Traveller]:
        return await linked(team, realm, company, "admin", email="owner@company.example")

    async def test_others_come_by_no_other_way_and_the_owner_does(
        self, team: Team, company: str, owner: tuple[Person, Traveller], app: Any, rows: Rows
    ) -> None:
        ann = await team.hire("analyst", email="ann@company.example")
        for person in (ann, owner[0]):
            async with team.tx() as tx:
                password_hash = await app.state.core.passwords.hash(PASSWORD)
                await accounts.keep_password(tx, person.account_id, password_hash)

        required = await owner[1].http.put(REQUIREMENT, json={"provider_id": company})

        assert required.status_code == 200, required.text
        assert required.json()["not_linked"] == 1
        assert (await ann.http.get(f"{SESSIONS}/current")).status_code == 401, "they are signed out"
        assert (await owner[0].http.get("/v1/admin/staff")).status_code == 200
        door = await team.door()
        by_password = {"email": "ann@company.example", "password": PASSWORD}
        refused = await door.post(f"{SESSIONS}/password", json=by_password)
        assert (refused.status_code, refused.json()["code"]) == (403, "federation.staff_provider_required")
        broken = await door.post(f"{SESSIONS}/password", json={**by_password, "email": "owner@company.example"})
        assert broken.status_code == 201, "the owner breaks the glass"
        assert rows("SELECT count(*) FROM audit_entry WHERE action = 'staff_sign_in.broke_glass'") == [(1,)]
        customer = await team.customer()
        assert (await customer.http.get(f"{SESSIONS}/current")).status_code == 200, "it is nothing to customers"

    async def test_a_link_in_a_mail_is_another_way_too(
        self, team: Team, company: str, owner: tuple[Person, Traveller], messages: Messages
    ) -> None:
        await team.hire("analyst", email="ann@company.example")
        await owner[1].http.put(REQUIREMENT, json={"provider_id": company})
        door = await team.door()
        await door.post(f"{SESSIONS}/links", json={"email": "ann@company.example"})
        link = [one for one in await messages() if one.template == "sign_in_link"][-1]

        refused = await door.post(f"{SESSIONS}/link", json={"token": link.token})

        assert refused.json()["code"] == "federation.staff_provider_required"

    async def test_an_invitation_is_taken_up_by_the_provider_alone(
        self, team: Team, company: str, owner: tuple[Person, Traveller], realm: Realm, messages: Messages, rows: Rows
    ) -> None:
        await owner[1].http.put(REQUIREMENT, json={"provider_id": company})
        await _invite(team)
        link = [one for one in await messages() if one.template == "staff_invitation"][-1]
        door = await Traveller(await team.door()).visits()

        by_link = await door.http.post(
            "/v1/store/staff-invitations", json={"token": link.token, "display_name": "Ada", "password": PASSWORD}
        )
        assert by_link.json()["code"] == "federation.staff_provider_required"
        assert ("invited",) in rows("SELECT status FROM membership"), "nothing was half done"

        realm.user = dict(ADA)
        assert (await door.sign_in(company)).status_code == 201

    async def test_a_provider_of_customers_is_another_way_too(
        self, team: Team, company: str, owner: tuple[Person, Traveller], realm: Realm, traveller: Traveller
    ) -> None:
        _, ann = await linked(team, realm, company, "analyst", email="ann@company.example")
        customers = await add_provider(team, realm, client_id="for-customers")
        await owner[1].http.put(REQUIREMENT, json={"provider_id": company})

        refused = await traveller.sign_in(customers)

        assert refused.json()["code"] == "federation.staff_provider_required"
        assert (await traveller.sign_in(company)).status_code == 201
        assert (await ann.http.get(f"{SESSIONS}/current")).status_code == 401

    async def test_the_only_way_that_is_left_is_not_unlinked(
        self, team: Team, company: str, owner: tuple[Person, Traveller], realm: Realm
    ) -> None:
        await linked(team, realm, company, "analyst", email="ann@company.example")
        await owner[1].http.put(REQUIREMENT, json={"provider_id": company})
        ann = await Traveller(await team.door()).visits()
        await ann.sign_in(company)
        again = await ann.http.post(f"{SESSIONS}/current/step-up/provider", json=await ann.go(company, "step_up"))
        assert again.status_code == 204, again.text
        mine = "/v1/store/accounts/current/identities"
        (theirs,) = (await ann.http.get(mine)).json()["items"]

        refused = await ann.http.delete(f"{mine}/{theirs['id']}")

        assert (refused.status_code, refused.json()["code"]) == (409, "identity.last_way_in")

    async def test_the_provider_is_neither_removed_nor_switched_off_meanwhile(
        self, team: Team, company: str, owner: tuple[Person, Traveller], realm: Realm
    ) -> None:
        await owner[1].http.put(REQUIREMENT, json={"provider_id": company})
        staff = await team.boss()
        off = {"name": "x", "client_id": "x", "version": 1, "is_enabled": False}

        assert (await staff.delete(f"{PROVIDERS}/{company}")).json()["code"] == "federation.provider_required"
        assert (await staff.put(f"{PROVIDERS}/{company}", json=off)).json()["code"] == "federation.provider_required"

        assert (await owner[1].http.delete(REQUIREMENT)).status_code == 204
        assert (await staff.delete(f"{PROVIDERS}/{company}")).status_code == 204

    async def test_only_an_admin_who_has_linked_their_own_account_asks_for_it(
        self, team: Team, company: str, realm: Realm, rows: Rows
    ) -> None:
        body = {"provider_id": company}
        assert (await (await team.key()).put(REQUIREMENT, json=body)).json()["code"] == "identity.for_people"
        admin = await team.hire("admin")
        assert (await admin.http.put(REQUIREMENT, json=body)).json()["code"] == "federation.not_known_there"
        customers = await add_provider(team, realm, client_id="for-customers")
        wrong = await admin.http.put(REQUIREMENT, json={"provider_id": customers})
        assert (wrong.json()["code"], wrong.json()["reason"]) == ("federation.provider_invalid", "audience")
        assert rows("SELECT count(*) FROM staff_sign_in") == [(0,)]

    async def test_it_takes_somebody_who_has_proved_lately_who_they_are(
        self, company: str, owner: tuple[Person, Traveller], rows: Rows
    ) -> None:
        rows("UPDATE session SET authenticated_at = now() - interval '1 hour'")

        refused = await owner[1].http.put(REQUIREMENT, json={"provider_id": company})

        assert (refused.status_code, refused.json()["code"]) == (401, "identity.prove_again")
