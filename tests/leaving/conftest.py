"""Two shops in which everything has happened, with pictures and papers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.commerce.conftest import app
from tests.factories import seed_shop
from tests.security.conftest import settings
from tests.security.world import OPERATED, World, made_world

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

__all__ = ["app", "settings"]


@pytest.fixture
async def world(app: Any, database_urls: DatabaseUrls) -> AsyncIterator[World]:
    """Of which nobody has asked for an archive yet."""
    seed_shop(database_urls, OPERATED)
    mine, theirs = seed_shop(database_urls, "mine"), seed_shop(database_urls, "theirs")
    async with made_world(app, database_urls, mine, theirs) as made:
        for shop in (mine, theirs):
            with psycopg.connect(database_urls.app) as connection:
                connection.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(shop.id),))
                connection.execute("DELETE FROM shop_export")
        yield made
