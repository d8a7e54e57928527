"""A shop, its API, browsers that sign in to it, and the messages that it queues."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import orjson
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from commerce.app import create_app
from commerce.sessions import sending
from foundation import sealing
from foundation.database import hot
from foundation.settings import Settings
from tests.asking import Ask, asking
from tests.factories import SeededShop
from tests.waiting import started

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

EMAIL = "ada@example.com"
PASSWORD = "correct horse battery staple"


@pytest.fixture
def settings(database_urls: DatabaseUrls) -> Settings:
    return Settings(
        _env_file=None,
        database_url=SecretStr(database_urls.app),
        database_owner_url=SecretStr(database_urls.owner),
        database_pool_size=4,
        catalogue_cache_mb=0,
        session_idle_hours=24,
    )


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "EVENLY_SECONDS", 0.0)


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[Any]:
    app = create_app(settings)
    async with started(app):
        yield app


@pytest.fixture
async def client(app: Any, grocer: SeededShop) -> AsyncIterator[httpx.AsyncClient]:
    async with browser_at(app, grocer) as http:
        yield http


def browser_at(app: Any, shop: SeededShop, *, address: str = "198.51.100.7") -> httpx.AsyncClient:
    """A browser with cookies of its own, at an address."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False, client=(address, 5000))
    return httpx.AsyncClient(transport=transport, base_url=f"http://{shop.host}")


@pytest.fixture
def rows(database_urls: DatabaseUrls, grocer: SeededShop) -> Iterator[Ask]:
    """Ask the database as the grocer's tenant."""

    with asking(database_urls.app, grocer.id) as ask:
        yield ask


@dataclass(frozen=True)
class Told:
    """A message on its way."""

    template: str
    channel: str
    recipient: str
    values: dict[str, str]

    @property
    def token(self) -> str:
        found = re.search(r"token=([\w-]{43})$", self.values["link"])
        assert found is not None, self.values
        return found[1]


Messages = Callable[[], Awaitable[list[Told]]]


@pytest.fixture
def messages(app: Any, grocer: SeededShop) -> Messages:
    """What was queued, the first first."""
    statement = hot(text("SELECT template, channel, recipient, content FROM message ORDER BY created_at, id"))

    async def read() -> list[Told]:
        async with app.state.core.database.tx(grocer.id) as tx:
            found = await tx.rows(statement)
            opened = await sealing.unseal(tx, [value for row in found for value in (row["recipient"], row["content"])])
        return [
            Told(row["template"], row["channel"], opened[2 * at] or "", orjson.loads(opened[2 * at + 1] or "{}"))
            for at, row in enumerate(found)
        ]

    return read


async def register(
    http: httpx.AsyncClient, messages: Messages, *, email: str = EMAIL, password: str = PASSWORD
) -> dict[str, Any]:
    """An account, made the way people make one; the browser is signed in to it."""
    asked = await http.post(
        "/v1/store/accounts", json={"email": email, "password": password, "display_name": "Ada Lovelace"}
    )
    assert asked.status_code == 202, asked.text
    confirmed = await http.post("/v1/store/accounts/confirmations", json={"token": (await messages())[-1].token})
    assert confirmed.status_code == 201, confirmed.text
    answer: dict[str, Any] = confirmed.json()
    return answer


async def sign_in(http: httpx.AsyncClient, *, email: str = EMAIL, password: str = PASSWORD) -> httpx.Response:
    """A try to sign in by password."""
    return await http.post("/v1/store/sessions/password", json={"email": email, "password": password})
