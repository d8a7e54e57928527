"""Two shops with their pages, and a shopper's browser without JavaScript."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from commerce.app import create_app
from foundation.settings import Settings
from storefront.pages import install
from tests.asking import Ask, asking
from tests.conftest import DatabaseUrls
from tests.factories import Seed, SeededShop
from tests.opened import opened
from tests.waiting import started

HOSTILE = "<script>alert('1')</script>"
GROCERIES = ("Tomato soup", "Orange juice", HOSTILE)


@pytest.fixture(scope="session")
def seed_of_grocer() -> Seed:
    return Seed("grocer", titles=GROCERIES, stock=20)


@pytest.fixture(scope="session")
def seed_of_fashion() -> Seed:
    return Seed("fashion", titles=("Linen dress",))


@pytest.fixture
def fashion(seed_of_fashion: Seed, seeded: Mapping[Seed, SeededShop]) -> SeededShop:
    return seeded[seed_of_fashion]


@pytest.fixture
def execute(database_urls: DatabaseUrls, grocer: SeededShop) -> Iterator[Ask]:
    """Ask or change the database as the grocer's tenant."""
    with asking(database_urls.app, grocer.id, lambda connection, rows: opened(connection, grocer.id, rows)) as ask:
        yield ask


@pytest.fixture
def settings(database_urls: DatabaseUrls, tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None,
        database_url=SecretStr(database_urls.app),
        database_pool_size=4,
        catalogue_cache_mb=0,
        objects_url=f"file://{tmp_path}/objects",
    )


@pytest.fixture
async def app(settings: Settings, grocer: SeededShop, fashion: SeededShop) -> AsyncIterator[Any]:
    app = create_app(settings)
    install(app)
    async with started(app):
        yield app


@dataclass(frozen=True)
class Form:
    """A form of a page, with what it would send."""

    action: str
    fields: dict[str, str]


@dataclass
class Browser:
    """What a browser without JavaScript does: follow links, send the forms a page shows."""

    http: httpx.AsyncClient

    async def see(self, path: str, status: int = 200) -> str:
        response = await self.http.get(path)
        assert response.status_code == status, response.text
        return response.text

    async def send(self, form: Form, **fields: str) -> httpx.Response:
        origin = {"Origin": str(self.http.base_url).rstrip("/")}
        return await self.http.post(form.action, data={**form.fields, **fields}, headers=origin)

    async def add(self, handle: str, quantity: int = 1) -> httpx.Response:
        page = await self.see(f"/p/{handle}")
        return await self.send(form_of(page, "/cart/lines"), quantity=str(quantity))


def forms_of(page: str) -> list[Form]:
    """The forms that change something, each with its hidden and filled fields."""
    found = []
    for action, body in re.findall(r'<form method="post" action="([^"]*)"[^>]*>(.*?)</form>', page, re.DOTALL):
        fields: dict[str, str] = {}
        for tag in re.findall(r"<input [^>]*>", body):
            given = {name: unescape(value) for name, value in re.findall(r'([a-z_]+)="([^"]*)"', tag)}
            if "name" in given and (given.get("type") not in ("radio", "checkbox") or " checked" in tag):
                fields[given["name"]] = given.get("value", "")
        found.append(Form(unescape(action), fields))
    return found


def form_of(page: str, action: str, **fields: str) -> Form:
    """The first form with this action and these values."""
    return next(form for form in forms_of(page) if form.action == action and fields.items() <= form.fields.items())


@pytest.fixture
async def client(app: Any, grocer: SeededShop) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}") as http:
        yield http


@pytest.fixture
def browser(client: httpx.AsyncClient) -> Browser:
    return Browser(client)
