"""The world of the tests of what is foreign and of what is hostile."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from foundation.settings import Settings
from tests.commerce.conftest import app
from tests.security.world import SownWorld, World, WorldSeed, settings_of

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

__all__ = ["app"]


@pytest.fixture
def settings(database_urls: DatabaseUrls, tmp_path: Path) -> Settings:
    return settings_of(database_urls, tmp_path)


@pytest.fixture(scope="session")
def seed_of_world(tmp_path_factory: pytest.TempPathFactory) -> WorldSeed:
    return WorldSeed(tmp_path_factory.mktemp("worlds"))


@pytest.fixture
def sown_world(seed_of_world: WorldSeed, seeded: Mapping[WorldSeed, SownWorld], tmp_path: Path) -> SownWorld:
    """The world in the test's database, its files among the test's."""
    sown = seeded[seed_of_world]
    shutil.copytree(sown.files, tmp_path, dirs_exist_ok=True)
    return sown


@pytest.fixture
async def world(app: Any, database_urls: DatabaseUrls, sown_world: SownWorld) -> AsyncIterator[World]:
    async with sown_world.opened(app, database_urls) as world:
        yield world
