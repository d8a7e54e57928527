"""Two shops, and the API over them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import SecretStr

from commerce.app import create_app
from commerce.identity.staff import create_key
from foundation.settings import Settings
from tests.access.team import Team
from tests.asking import Ask, asking
from tests.factories import Seed, SeededShop
from tests.waiting import started

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls


AGREED = ["analytics", "personalisation"]
"""What the shopper of the tests agrees to, so that what they do is recorded."""
OPERATOR_TOKEN = "whoever runs the platform"


@pytest.fixture(scope="session")
def seed_of_fashion() -> Seed:
    return Seed("fashion", titles=("Linen dress", "Silk scarf"))


@pytest.fixture
def fashion(seed_of_fashion: Seed, seeded: Mapping[Seed, SeededShop]) -> SeededShop:
    return seeded[seed_of_fashion]


@pytest.fixture
def settings(database_urls: DatabaseUrls) -> Settings:
    return Settings(
        _env_file=None,
        database_url=SecretStr(database_urls.app),
        database_owner_url=SecretStr(database_urls.owner),
        database_pool_size=8,
        catalogue_cache_mb=0,
        operator_token=SecretStr(OPERATOR_TOKEN),
    )


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[Any]:
    app = create_app(settings)
    async with started(app):
        yield app


@dataclass
class Browser:
    """A shopper's client: one host, one session."""

    http: httpx.AsyncClient

    async def cart(self) -> dict[str, Any]:
        response = await self.http.post("/v1/store/carts")
        assert response.status_code == 201, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def add(self, cart: dict[str, Any], variant_id: object, quantity: int = 1) -> dict[str, Any]:
        response = await self.http.post(
            f"/v1/store/carts/{cart['id']}/lines", json={"variant_id": str(variant_id), "quantity": quantity}
        )
        assert response.status_code == 201, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def complete(
        self, cart: dict[str, Any], *, token: str = "tok_ok", key: str = "key-1", **body: Any
    ) -> httpx.Response:
        return await self.http.post(
            f"/v1/store/carts/{cart['id']}/complete",
            json={"payment": {"provider": "test", "token": token}, **body},
            headers={"Idempotency-Key": key},
        )


@pytest.fixture
async def client(app: Any, grocer: SeededShop) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}") as http:
        yield http


@pytest.fixture
async def browser(client: httpx.AsyncClient) -> Browser:
    response = await client.post("/v1/store/sessions", json={"reference": "household-1", "consent": AGREED})
    assert response.status_code == 201, response.text
    return Browser(client)


@pytest.fixture
def rows(database_urls: DatabaseUrls, grocer: SeededShop) -> Iterator[Ask]:
    """Ask the database as the grocer's tenant."""

    with asking(database_urls.app, grocer.id) as ask:
        yield ask


@pytest.fixture
async def staff(app: Any, grocer: SeededShop) -> AsyncIterator[httpx.AsyncClient]:
    """The grocer's back office: a client whose key carries every scope that a key can."""
    async with app.state.core.database.transaction(grocer.id) as session:
        _, token = await create_key(session, grocer.id, name="Back office")
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}", headers=headers) as http:
        yield http


@pytest.fixture
async def team(app: Any, grocer: SeededShop) -> AsyncIterator[Team]:
    """The grocer's people."""
    async with AsyncExitStack() as until_over:
        yield Team(app, grocer, until_over)


@pytest.fixture
async def boss(team: Team) -> httpx.AsyncClient:
    """The grocer's admin, who has just signed in."""
    return await team.boss()
