"""A shop that keeps files, its people, and their browsers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import SecretStr

from foundation.settings import Settings
from tests.access.team import Team
from tests.factories import Seed, SeededShop
from tests.waiting import started
from tradewind.building import build

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

SAME = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="session")
def seed_of_grocer() -> Seed:
    return Seed("grocer", stock=20)


@pytest.fixture
def settings(database_urls: DatabaseUrls, tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None,
        database_url=SecretStr(database_urls.app),
        database_owner_url=SecretStr(database_urls.owner),
        database_pool_size=4,
        catalogue_cache_mb=0,
        objects_url=f"file://{tmp_path}/objects",
    )


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[Any]:
    app = build(settings)
    async with started(app):
        yield app


@pytest.fixture
async def team(app: Any, grocer: SeededShop) -> AsyncIterator[Team]:
    async with AsyncExitStack() as until_over:
        yield Team(app, grocer, until_over)


@pytest.fixture
async def admin(team: Team) -> httpx.AsyncClient:
    """An admin's browser, on the shop's own pages."""
    browser = await team.browser(await team.hire("admin"))
    browser.headers.update(SAME)
    return browser


@pytest.fixture
async def analyst(team: Team) -> httpx.AsyncClient:
    """The browser of somebody who may set nothing up."""
    browser = await team.browser(await team.hire("analyst"))
    browser.headers.update(SAME)
    return browser
