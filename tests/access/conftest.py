"""A shop with people of every role, each signed in to an account of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from foundation.settings import Settings
from tests.access.team import Team
from tests.factories import SeededShop
from tests.waiting import started
from tradewind.building import build

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls


@pytest.fixture
def settings(database_urls: DatabaseUrls) -> Settings:
    return Settings(
        _env_file=None,
        database_url=SecretStr(database_urls.app),
        database_owner_url=SecretStr(database_urls.owner),
        database_pool_size=4,
        catalogue_cache_mb=0,
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
