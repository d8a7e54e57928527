"""A shop sets up providers: what is kept, shown, checked, written down, and gone when it is removed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from commerce.federation import providers
from foundation import clock
from tests.access.team import Team
from tests.federation.as_if import AsIf
from tests.federation.conftest import PROVIDERS, Traveller, add_provider, setting
from tests.federation.realm import SECRET, Realm
from tests.storefront.conftest import forms_of

Rows = Callable[..., list[tuple[Any, ...]]]
APPLE = {
    "kind": "apple",
    "issuer": None,
    "team_id": "TEAM123456",
    "key_id": "KEY1234567",
    "client_authentication": "post",
}


async def test_a_secret_is_sealed_and_never_shown(team: Team, provider: str, rows: Rows) -> None:
    staff = await team.boss()
    shown = [await staff.get(PROVIDERS), await staff.get(f"{PROVIDERS}/{provider}")]

    assert all(SECRET not in one.text and "client_secret" not in one.json() for one in shown)
    ((kept,),) = rows("SELECT client_secret FROM identity_provider")
    assert kept.startswith("s1:")
    assert rows("SELECT count(*) FROM subject_key WHERE id = %s", provider) == [(1,)]


async def test_the_address_to_come_back_to_is_shown(team: Team, provider: str, grocer: Any) -> None:
    shown = (await (await team.boss()).get(f"{PROVIDERS}/{provider}")).json()

    assert shown["redirect_uri"] == f"http://{grocer.host}/sign-in/with/{provider}/return"


async def test_a_change_keeps_the_secret_unless_there_is_another(
    team: Team, traveller: Traveller, provider: str, realm: Realm, rows: Rows
) -> None:
    staff = await team.boss()
    (before,) = rows("SELECT client_secret FROM identity_provider")
    body = {"name": "Renamed", "client_id": "shop", "version": 1}

    assert (await staff.put(f"{PROVIDERS}/{provider}", json=body)).json()["version"] == 2
    assert rows("SELECT client_secret FROM identity_provider") == [before]
    stale = await staff.put(f"{PROVIDERS}/{provider}", json=body)
    assert (stale.status_code, stale.json()["code"]) == (409, "federation.provider_stale")
    another = {**body, "version": 2, "client_secret": "another secret", "client_authentication": "post"}
    assert (await staff.put(f"{PROVIDERS}/{provider}", json=another)).status_code == 200
    await traveller.sign_in(provider)
    assert realm.forms[-1]["client_secret"] == "another secret"
    assert realm.authorization_headers[-1] == ""


async def test_each_change_is_written_down_without_the_secret(team: Team, provider: str, rows: Rows) -> None:
    staff = await team.boss()
    await staff.put(f"{PROVIDERS}/{provider}", json={"name": "x", "client_id": "y", "version": 1})
    await staff.delete(f"{PROVIDERS}/{provider}")

    written = rows("SELECT action, object, details::text FROM audit_entry WHERE object LIKE 'provider:%%' ORDER BY id")

    assert [action for action, _, _ in written] == [
        "identity_providers.added",
        "identity_providers.changed",
        "identity_providers.removed",
    ]
    assert {named for _, named, _ in written} == {f"provider:{provider}"}
    assert all(SECRET not in details for _, _, details in written)


async def test_a_provider_goes_with_its_secret_and_what_was_linked_by_it(
    team: Team, traveller: Traveller, provider: str, rows: Rows
) -> None:
    await traveller.sign_in(provider)
    await traveller.begin(provider)

    assert (await (await team.boss()).delete(f"{PROVIDERS}/{provider}")).status_code == 204

    for table in ("identity_provider", "external_identity", "sign_in_attempt"):
        assert rows(f"SELECT count(*) FROM {table}") == [(0,)], table
    assert rows("SELECT count(*) FROM subject_key WHERE id = %s", provider) == [(0,)]
    assert (await traveller.begin(provider)).json()["code"] == "federation.provider_not_found"


async def test_nobody_comes_back_from_one_that_was_switched_off_meanwhile(
    team: Team, traveller: Traveller, provider: str
) -> None:
    brought = await traveller.go(provider)
    off = {"name": "x", "client_id": "shop", "version": 1, "is_enabled": False}
    assert (await (await team.boss()).put(f"{PROVIDERS}/{provider}", json=off)).status_code == 200

    refused = await traveller.http.post("/v1/store/sessions/provider", json=brought)

    assert (refused.status_code, refused.json()["code"]) == (404, "federation.provider_not_found")
    assert (await traveller.http.get("/v1/store/identity-providers")).json()["items"] == []


async def test_a_check_asks_the_provider_now(team: Team, provider: str, realm: Realm) -> None:
    staff = await team.boss()
    good = (await staff.post(f"{PROVIDERS}/{provider}/checks")).json()
    realm.metadata = {"issuer": "https://somebody.else.example"}
    bad = (await staff.post(f"{PROVIDERS}/{provider}/checks")).json()

    assert (good["usable"], good["keys"], good["algorithms"]) == (
        True,
        1,
        ["RS256", "RS384", "PS384", "ES256", "ES384"],
    )
    assert good["end_session_endpoint"] == f"{realm.issuer}/protocol/openid-connect/logout"
    assert (bad["usable"], bad["reason"]) == (False, "issuer")


async def test_the_same_client_is_not_set_up_twice(team: Team, provider: str, realm: Realm) -> None:
    again = await (await team.boss()).post(PROVIDERS, json=setting(realm))

    assert (again.status_code, again.json()["code"]) == (409, "federation.provider_exists")


async def test_there_are_so_many_providers_and_no_more(
    team: Team, provider: str, realm: Realm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providers, "MOST", 1)

    refused = await (await team.boss()).post(PROVIDERS, json=setting(realm, client_id="another"))

    assert (refused.status_code, refused.json()["code"]) == (409, "federation.too_many_providers")


async def test_a_person_proves_first_who_they_are(team: Team, realm: Realm, rows: Rows) -> None:
    admin = await team.hire("admin")
    rows("UPDATE session SET authenticated_at = now() - interval '1 hour'")

    refused = await admin.http.post(PROVIDERS, json=setting(realm))

    assert (refused.status_code, refused.json()["code"]) == (401, "identity.prove_again")
    assert (await admin.http.get(PROVIDERS)).status_code == 200


async def test_apple_is_shown_a_secret_that_we_sign(
    team: Team, traveller: Traveller, realm: Realm, as_if: AsIf
) -> None:
    as_if("apple")
    key = ECKey.generate_key("P-256")
    provider_id = await add_provider(team, realm, **APPLE, client_secret=key.as_pem(private=True).decode())
    asked = (await traveller.begin(provider_id)).json()["url"]
    assert "response_mode=form_post" in asked
    realm.user["email_verified"] = "true"
    brought = await _by_form(asked)

    signed_in = await traveller.http.post("/v1/store/sessions/provider", json=brought)

    assert signed_in.status_code == 201, signed_in.text
    shown = jwt.decode(realm.forms[-1]["client_secret"], key, algorithms=["ES256"])
    assert shown.header["kid"] == "KEY1234567"
    assert (shown.claims["iss"], shown.claims["sub"], shown.claims["aud"]) == ("TEAM123456", "shop", realm.issuer)
    assert 0 < shown.claims["exp"] - clock.now().timestamp() <= 300


@pytest.mark.parametrize(
    "secret",
    [
        "no key at all",
        ECKey.generate_key("P-384").as_pem(private=True).decode(),
        ECKey.generate_key("P-256").as_pem(private=False).decode(),
        RSAKey.generate_key(2048).as_pem(private=True).decode(),
    ],
)
async def test_apple_needs_a_private_key_of_the_right_curve(team: Team, realm: Realm, secret: str) -> None:
    refused = await (await team.boss()).post(PROVIDERS, json=setting(realm, **APPLE, client_secret=secret))

    assert (refused.json()["code"], refused.json()["reason"]) == ("federation.provider_invalid", "key")


async def test_facebook_names_no_token_endpoint_and_vouches_for_no_address(
    team: Team, traveller: Traveller, realm: Realm, as_if: AsIf
) -> None:
    as_if("facebook")
    realm.metadata = {
        "token_endpoint": None,
        "response_types_supported": ["id_token", "token id_token"],
        "authorization_response_iss_parameter_supported": None,
    }
    realm.claims["email_verified"] = None
    provider_id = await add_provider(team, realm, kind="facebook", issuer=None, client_authentication="post")

    first = await traveller.sign_in(provider_id)
    assert first.json()["code"] == "federation.link_first"
    ada = await team.customer()
    there = Traveller(await team.browser(ada))
    assert (await there.link(provider_id)).status_code == 204

    assert (await traveller.sign_in(provider_id)).json()["account_id"] == str(ada.account_id)


async def _by_form(url: str) -> dict[str, str]:
    """What Apple's form posts."""

    async with httpx.AsyncClient() as http:
        form = await http.get(url)
    (posted,) = forms_of(form.text)
    return {name: value for name, value in posted.fields.items() if name in {"state", "code", "iss"}}
