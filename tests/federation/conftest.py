"""A shop with its pages, a provider on loopback, and browsers that go there and come back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from pydantic import SecretStr

from commerce.external_sign_in import configuring
from commerce.external_sign_in.provider_schemas import ProviderIn
from foundation.settings import Settings
from tests.access.team import Team
from tests.factories import SeededShop, owner
from tests.federation.as_if import as_if
from tests.federation.realm import CLIENT, SECRET, Realm, running
from tests.identity.conftest import messages, rows
from tests.waiting import started
from tradewind.building import build

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

__all__ = ["as_if", "messages", "rows"]
PROVIDERS = "/v1/admin/identity-providers"
BUTTONS = "/v1/store/identity-providers"
SESSIONS = "/v1/store/sessions"
MINE = "/v1/store/accounts/current/identities"
COOKIE = "tradewind_session"
Json = dict[str, Any]


@pytest.fixture
def settings(database_urls: DatabaseUrls) -> Settings:
    return Settings(
        _env_file=None,
        database_url=SecretStr(database_urls.app),
        database_owner_url=SecretStr(database_urls.owner),
        database_pool_size=4,
        catalogue_cache_mb=0,
        outbound_loopback=True,
    )


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[Any]:
    app = build(settings)
    async with started(app):
        yield app


@pytest.fixture
def realm() -> Iterator[Realm]:
    with running() as realm:
        yield realm


@pytest.fixture
async def team(app: Any, grocer: SeededShop) -> AsyncIterator[Team]:
    async with AsyncExitStack() as until_over:
        yield Team(app, grocer, until_over)


@dataclass
class Traveller:
    """A browser that goes to a provider and comes back."""

    http: httpx.AsyncClient
    brought: Json = field(default_factory=dict)
    """What it was sent back with last."""

    async def visits(self) -> Traveller:
        """It has a session, as every browser gets that looks at a page."""
        (await self.http.post(SESSIONS, json={})).raise_for_status()
        return self

    async def begin(self, provider_id: str, purpose: str = "sign_in", **more: str) -> httpx.Response:
        """Ask where to go."""
        return await self.http.post(f"{BUTTONS}/{provider_id}/attempts", json={"purpose": purpose, **more})

    async def go(self, provider_id: str, purpose: str = "sign_in", **more: str) -> Json:
        """Go there, and come back with something."""
        begun = await self.begin(provider_id, purpose, **more)
        assert begun.status_code == 201, begun.text
        self.brought = await at_the_provider(begun.json()["url"])
        return self.brought

    async def sign_in(self, provider_id: str) -> httpx.Response:
        """Go there, come back, sign in."""
        return await self.http.post(f"{SESSIONS}/provider", json=await self.go(provider_id))

    async def link(self, provider_id: str) -> httpx.Response:
        """Go there, come back, link."""
        return await self.http.post(MINE, json=await self.go(provider_id, "link"))


async def at_the_provider(url: str) -> Json:
    """What a provider sends a browser back with, as far as the API takes it."""
    async with httpx.AsyncClient() as http:
        sent = await http.get(url)
    assert sent.status_code == 302, sent.text
    found = dict(parse_qsl(urlsplit(sent.headers["location"]).query))
    return {name: value for name, value in found.items() if name in {"state", "code", "iss", "error"}}


@pytest.fixture
async def traveller(team: Team) -> Traveller:
    return await Traveller(await team.door()).visits()


async def add_provider(team: Team, realm: Realm, **more: object) -> str:
    """The id of a provider that somebody has set up who is nobody of the team."""
    core, shop = team.app.state.core, team.shop
    body = ProviderIn.model_validate(setting(realm, **more))
    return str(await configuring.add(core, shop, owner(shop.id), body))  # type: ignore[arg-type]


def setting(realm: Realm, **more: object) -> Json:
    """How a realm is set up."""
    return {"name": "Company", "issuer": realm.issuer, "client_id": CLIENT, "client_secret": SECRET, **more}


@pytest.fixture
async def provider(team: Team, realm: Realm) -> str:
    """A provider of customers."""
    return await add_provider(team, realm)


@pytest.fixture
async def company(team: Team, realm: Realm) -> str:
    """A provider of staff."""
    return await add_provider(team, realm, audience="staff")
