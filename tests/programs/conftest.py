"""Two shops with their pages, a program, and a customer at a browser."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from pydantic import SecretStr

from commerce.app import create_app
from foundation.settings import Settings
from storefront.pages import install
from tests.access.team import Team
from tests.asking import Ask, asking
from tests.factories import Seed, SeededShop
from tests.waiting import started

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
REDIRECT = "https://app.example/callback"


@pytest.fixture(scope="session")
def seed_of_fashion() -> Seed:
    return Seed("fashion", titles=("Linen dress",))


@pytest.fixture
def fashion(seed_of_fashion: Seed, seeded: Mapping[Seed, SeededShop]) -> SeededShop:
    return seeded[seed_of_fashion]


@pytest.fixture
def rows(database_urls: DatabaseUrls, grocer: SeededShop) -> Iterator[Ask]:
    """Ask the database as the grocer's tenant."""

    with asking(database_urls.app, grocer.id) as ask:
        yield ask


@pytest.fixture
async def app(database_urls: DatabaseUrls, grocer: SeededShop, fashion: SeededShop) -> AsyncIterator[Any]:
    settings = Settings(
        _env_file=None, database_url=SecretStr(database_urls.app), database_pool_size=6, catalogue_cache_mb=0
    )
    app = create_app(settings)
    install(app)
    async with started(app):
        yield app


def _http(app: Any, shop: SeededShop, **headers: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=f"http://{shop.host}", headers=headers)


@dataclass
class Program:
    """A client as its developer would write it."""

    http: httpx.AsyncClient
    id: str
    secret: str | None
    redirect: str = REDIRECT
    state: str = "xyz"
    asked: dict[str, str] = field(default_factory=dict)

    def link(self, **more: str | None) -> str:
        """Where it sends people to be let in; `None` leaves a parameter out."""
        asked: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.id,
            "redirect_uri": self.redirect,
            "state": self.state,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **more,
        }
        return "/oauth/authorize?" + urlencode({name: value for name, value in asked.items() if value is not None})

    async def token(self, **form: str | None) -> httpx.Response:
        asked = {"client_id": self.id, "client_secret": self.secret, **form}
        return await self.http.post(
            "/oauth/token", data={name: value for name, value in asked.items() if value is not None}
        )

    async def redeem(self, code: str, **more: str | None) -> httpx.Response:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect, **more}
        return await self.token(**{"code_verifier": VERIFIER, **form})

    async def renew(self, refresh_token: str, **more: str) -> httpx.Response:
        return await self.token(grant_type="refresh_token", refresh_token=refresh_token, **more)

    async def as_bearer(self, token: str, method: str = "GET", path: str = "/v1/store/orders") -> httpx.Response:
        return await self.http.request(method, path, headers={"Authorization": f"Bearer {token}"})


@dataclass
class Customer:
    """Somebody at a browser."""

    http: httpx.AsyncClient

    async def sign_in(self) -> None:
        signed_in = await self.http.post("/v1/store/sessions", json={"reference": "household-1"})
        assert signed_in.status_code == 201, signed_in.text

    async def decide(self, link: str, decision: str = "allow") -> httpx.Response:
        """Open the link and press a button of the page it shows."""
        page = await self.http.get(link)
        assert page.status_code == 200, (page.status_code, page.headers.get("location"), page.text[:300])
        hidden = re.search(r'name="asked" value="([^"]*)"', page.text)
        assert hidden is not None
        form = {"asked": unescape(hidden[1]), "decision": decision}
        return await self.http.post("/oauth/authorize", data=form, headers={"Sec-Fetch-Site": "same-origin"})

    async def let_in(self, program: Program, **more: str | None) -> str:
        """The code that the program is sent."""
        return answered(await self.decide(program.link(**more)))["code"]


def answered(response: httpx.Response) -> dict[str, str]:
    """What a browser takes to the program."""
    assert response.status_code == 303, response.text[:300]
    return {name: values[0] for name, values in parse_qs(urlsplit(response.headers["location"]).query).items()}


@pytest.fixture
async def team(app: Any, grocer: SeededShop) -> AsyncIterator[Team]:
    async with AsyncExitStack() as until_over:
        yield Team(app, grocer, until_over)


@pytest.fixture
async def staff(team: Team) -> httpx.AsyncClient:
    return await team.boss()


@pytest.fixture
async def fashion_staff(app: Any, fashion: SeededShop) -> AsyncIterator[httpx.AsyncClient]:
    async with AsyncExitStack() as until_over:
        yield await Team(app, fashion, until_over).boss()


@pytest.fixture
async def http(app: Any, grocer: SeededShop) -> AsyncIterator[httpx.AsyncClient]:
    """A program's own connection to the grocer."""
    async with _http(app, grocer) as client:
        yield client


@pytest.fixture
async def fashion_http(app: Any, fashion: SeededShop) -> AsyncIterator[httpx.AsyncClient]:
    async with _http(app, fashion) as client:
        yield client


@pytest.fixture
async def customer(app: Any, grocer: SeededShop) -> AsyncIterator[Customer]:
    async with _http(app, grocer) as http:
        someone = Customer(http)
        await someone.sign_in()
        yield someone


async def registered(staff: httpx.AsyncClient, http: httpx.AsyncClient, **more: Any) -> Program:
    """A program that may ask customers for everything, unless said otherwise."""
    body = {
        "name": "Budget app",
        "kind": "confidential",
        "grants": ["authorization_code", "refresh_token"],
        "scopes": ["store:read", "store:write"],
        "redirect_uris": [REDIRECT],
        **more,
    }
    made = await staff.post("/v1/admin/programs", json=body)
    assert made.status_code == 201, made.text
    return Program(http, made.json()["id"], made.json()["client_secret"])


@pytest.fixture
async def program(staff: httpx.AsyncClient, http: httpx.AsyncClient) -> Program:
    return await registered(staff, http)


@pytest.fixture
async def robot(staff: httpx.AsyncClient, http: httpx.AsyncClient) -> Program:
    """A program that acts for the shop in its own name."""
    scopes = ["orders:read", "inventory:read"]
    return await registered(staff, http, name="Robot", grants=["client_credentials"], scopes=scopes, redirect_uris=[])
