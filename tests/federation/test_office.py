"""Providers on the back office's page: added, checked, changed, switched off, required of staff, removed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.access.team import Person, Team
from tests.federation.conftest import BUTTONS
from tests.federation.realm import CLIENT, SECRET, Realm

Rows = Callable[..., list[tuple[Any, ...]]]
AT = "/back-office/identity-providers"


@pytest.fixture
async def boss(team: Team) -> Person:
    return await team.hire("admin")


@pytest.fixture
async def admin(team: Team, boss: Person) -> httpx.AsyncClient:
    browser = await team.browser(boss)
    browser.headers.update({"Sec-Fetch-Site": "same-origin"})
    return browser


def _form(realm: Realm, **more: str) -> dict[str, str]:
    """A form as a browser sends it: what is left empty too."""
    empty = {"domains": "", "role": ""}
    typed = {"name": "Company", "issuer": realm.issuer, "audience": "customers", "client_id": CLIENT}
    return {**empty, **typed, "client_secret": SECRET, "client_authentication": "basic", **more}


async def _added(admin: httpx.AsyncClient, realm: Realm, **more: str) -> str:
    sent = await admin.post(f"{AT}/new/oidc", data=_form(realm, **more))
    assert sent.status_code == 303, sent.text
    return sent.headers["location"].rpartition("/")[2]


async def test_a_provider_lives_on_its_page(admin: httpx.AsyncClient, realm: Realm, rows: Rows) -> None:
    provider = await _added(admin, realm, audience="staff", domains="Company.example\r\n", role="analyst")
    page = (await admin.get(f"{AT}/{provider}")).text
    assert f"/sign-in/with/{provider}/return</code>" in page
    assert "company.example" in page
    assert re.search(r'<option value="analyst" selected>', page)
    assert SECRET not in page

    checked = (await admin.post(f"{AT}/{provider}/check")).text
    assert 'data-checked="usable"' in checked
    realm.metadata["issuer"] = "https://attacker.example"
    assert 'data-checked="issuer"' in (await admin.post(f"{AT}/{provider}/check")).text

    change = {"name": "Firm", "client_id": CLIENT, "client_authentication": "basic", "domains": "", "role": ""}
    assert (await admin.post(f"{AT}/{provider}", data=change | {"version": "1", "client_secret": ""})).is_redirect
    assert (await admin.get(BUTTONS)).json()["items"] == [], "its box was not ticked"
    stale = await admin.post(f"{AT}/{provider}", data=change | {"version": "1"})
    assert (stale.status_code, "federation.provider_stale" in stale.text) == (409, True)
    on = await admin.post(f"{AT}/{provider}", data=change | {"version": "2", "is_enabled": "on"})
    assert on.is_redirect
    assert [one["name"] for one in (await admin.get(BUTTONS)).json()["items"]] == ["Firm"]
    assert "Firm" in (await admin.get(AT)).text

    assert (await admin.post(f"{AT}/{provider}/removal")).headers["location"] == AT
    assert rows("SELECT count(*) FROM identity_provider") == [(0,)]
    told = rows("SELECT action FROM audit_entry WHERE action LIKE 'identity_providers.%%' ORDER BY id")
    assert [action.partition(".")[2] for (action,) in told] == ["added", "changed", "changed", "removed"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"issuer": "http://127.0.0.1:1"}, "It does not answer"),
        ({"role": "analyst"}, "Only providers of staff"),
        ({"role": "analyst", "audience": "staff"}, "A role takes domains"),
        ({"domains": "nowhere", "audience": "staff"}, "Must be a domain"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field_and_the_secret_not_repeated(
    admin: httpx.AsyncClient, realm: Realm, rows: Rows, wrong: dict[str, str], said: str
) -> None:
    answer = await admin.post(f"{AT}/new/oidc", data=_form(realm, **wrong))

    assert (answer.status_code, said in answer.text) == (422, True), answer.text
    assert 'value="Company"' in answer.text
    assert SECRET not in answer.text
    assert rows("SELECT count(*) FROM identity_provider") == [(0,)]


async def test_whoever_has_not_proved_lately_who_they_are_is_asked_and_comes_back(
    admin: httpx.AsyncClient, realm: Realm, rows: Rows
) -> None:
    provider = await _added(admin, realm)
    rows("UPDATE session SET authenticated_at = now() - interval '1 hour'")

    for path, page in (
        ("new/oidc", f"{AT}/new/oidc"),
        (provider, f"{AT}/{provider}"),
        (f"{provider}/removal", f"{AT}/{provider}"),
    ):
        sent = await admin.post(f"{AT}/{path}", data=_form(realm))
        assert (sent.status_code, sent.headers["location"]) == (
            303,
            str(httpx.URL("/account/confirm", params={"next": page})),
        )
        assert "Prove who you are" in (await admin.get(page)).text
    assert rows("SELECT count(*), min(version) FROM identity_provider") == [(1, 1)]


async def test_a_provider_is_required_of_staff_by_whom_it_knows(
    admin: httpx.AsyncClient, boss: Person, realm: Realm, rows: Rows
) -> None:
    provider = await _added(admin, realm, audience="staff")
    unknown = await admin.post(f"{AT}/staff", data={"provider_id": provider})
    assert (unknown.status_code, "federation.not_known_there" in unknown.text) == (422, True)
    rows(
        "INSERT INTO external_identity (tenant_id, id, account_id, provider, subject_digest, label, used_at)"
        " SELECT tenant_id, gen_random_uuid(), id, %s, 'x', '', now() FROM account WHERE id = %s",
        provider,
        boss.account_id,
    )

    assert (await admin.post(f"{AT}/staff", data={"provider_id": provider})).is_redirect
    assert "Required of staff" in (await admin.get(AT)).text
    kept = await admin.post(f"{AT}/{provider}/removal")
    assert (kept.status_code, "federation.provider_required" in kept.text) == (409, True)
    assert (await admin.post(f"{AT}/staff/release")).is_redirect
    assert rows("SELECT count(*) FROM staff_sign_in") == [(0,)]


async def test_the_well_known_have_forms_of_their_own(admin: httpx.AsyncClient) -> None:
    assert 'name="team_id"' in (await admin.get(f"{AT}/new/apple")).text
    google = (await admin.get(f"{AT}/new/google")).text
    assert ('name="issuer"' in google, 'name="team_id"' in google) == (False, False)
    assert (await admin.get(f"{AT}/new/nobody")).status_code == 422
