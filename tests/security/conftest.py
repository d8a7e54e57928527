"""The world of the tests of what is foreign and of what is hostile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from foundation.settings import Settings
from tests.commerce.conftest import app
from tests.factories import seed_shop
from tests.security.world import OPERATED, OPERATOR_TOKEN, World, made_world

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

__all__ = ["app"]


@pytest.fixture
def settings(database_urls: DatabaseUrls, tmp_path: Path) -> Settings:
    """With photos, and without answers that are kept: they would hide what a read gives."""
    return Settings(
        _env_file=None,
        database_url=SecretStr(database_urls.app),
        database_pool_size=8,
        catalogue_cache_mb=0,
        objects_url=tmp_path.as_uri(),
        operator_token=SecretStr(OPERATOR_TOKEN),
        unlimited_networks="127.0.0.0/8",
    )


@pytest.fixture
async def world(app: Any, database_urls: DatabaseUrls) -> AsyncIterator[World]:
    seed_shop(database_urls, OPERATED)
    async with made_world(
        app, database_urls, seed_shop(database_urls, "mine"), seed_shop(database_urls, "theirs")
    ) as made:
        yield made
