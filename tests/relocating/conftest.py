"""A shop that is moved between the shared database and one of its own, and the API over both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from commerce.app import create_app
from foundation.settings import DatabaseAddress, Settings
from tests.apart import second_database
from tests.conftest import DatabaseUrls
from tests.factories import SeededShop, seed_shop
from tests.waiting import started

__all__ = ["second_database"]

NAME = "second"


@pytest.fixture
def settings(database_urls: DatabaseUrls, second_database: DatabaseUrls) -> Settings:
    there = second_database
    return Settings(
        _env_file=None,
        database_url=SecretStr(database_urls.app),
        database_owner_url=SecretStr(database_urls.owner),
        database_relay_url=SecretStr(database_urls.relay),
        databases={
            NAME: DatabaseAddress(
                url=SecretStr(there.app), owner_url=SecretStr(there.owner), relay_url=SecretStr(there.relay)
            )
        },
        database_pool_size=8,
        catalogue_cache_mb=0,
    )


@pytest.fixture
def grocer(database_urls: DatabaseUrls) -> SeededShop:
    return seed_shop(database_urls, "grocer", stock=100_000)


@pytest.fixture
def fashion(database_urls: DatabaseUrls) -> SeededShop:
    return seed_shop(database_urls, "fashion")


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[Any]:
    app = create_app(settings)
    async with started(app):
        yield app


@pytest.fixture
async def client(app: Any, grocer: SeededShop) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}") as client:
        yield client
