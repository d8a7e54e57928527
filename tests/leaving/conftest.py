"""Two shops in which everything has happened, with pictures and papers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.commerce.conftest import app
from tests.security.conftest import seed_of_world, settings, sown_world
from tests.security.world import SownWorld, World

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

__all__ = ["app", "seed_of_world", "settings", "sown_world"]


@pytest.fixture
async def world(app: Any, database_urls: DatabaseUrls, sown_world: SownWorld) -> AsyncIterator[World]:
    """Of which nobody has asked for an archive yet."""
    async with sown_world.opened(app, database_urls) as made:
        for shop in (made.mine.seeded, made.another_shop.seeded):
            with psycopg.connect(database_urls.app) as connection:
                connection.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(shop.id),))
                connection.execute("DELETE FROM shop_export")
        yield made
