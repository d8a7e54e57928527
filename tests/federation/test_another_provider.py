"""Against a provider that others wrote (oidc-provider-mock, on Authlib), over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import httpx
import oidc_provider_mock
import pytest

from tests.access.team import Team
from tests.federation.conftest import PROVIDERS, SESSIONS, Traveller


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    with oidc_provider_mock.run_server_in_thread(require_nonce=True) as server:
        yield f"http://localhost:{server.server_port}"


async def test_somebody_signs_in_and_comes_back(team: Team, traveller: Traveller, issuer: str) -> None:
    claims = {"email": "ada@home.example", "email_verified": True, "name": "Ada"}
    async with httpx.AsyncClient() as http:
        (await http.put(f"{issuer}/users/ada", json=claims)).raise_for_status()
    body = {"name": "Mock", "issuer": issuer, "client_id": "shop", "client_secret": "secret"}
    added = await (await team.boss()).post(PROVIDERS, json=body)
    assert added.status_code == 201, added.text
    provider_id = added.json()["id"]

    signed_in = await traveller.http.post(f"{SESSIONS}/provider", json=await _consent(traveller, provider_id))
    again = await Traveller(await team.door()).visits()
    back = await again.http.post(f"{SESSIONS}/provider", json=await _consent(again, provider_id))

    assert signed_in.status_code == 201, signed_in.text
    assert back.json()["account_id"] == signed_in.json()["account_id"]
    assert signed_in.json()["display_name"] == "Ada"


async def _consent(traveller: Traveller, provider_id: str) -> dict[str, str]:
    """What the provider's form sends back, once its button is pressed."""
    url = (await traveller.begin(provider_id)).json()["url"]
    async with httpx.AsyncClient() as http:
        pressed = await http.post(url, data={"sub": "ada"})
    return dict(parse_qsl(urlsplit(pressed.headers["location"]).query))
