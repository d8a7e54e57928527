from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
from sqlalchemy import text

from foundation.database import Database, hot

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

_WAIT = hot(text("SELECT pg_sleep(0.05), current_setting('plan_cache_mode')"))
_MODE = hot(text("SELECT current_setting('plan_cache_mode')"))


async def test_whoever_comes_first_at_once_shares_one_pool(database_urls: DatabaseUrls) -> None:
    database = Database(database_urls.app, pool_size=3)

    async def look() -> None:
        async with database.tx(uuid4()) as tx:
            await tx.rows(_WAIT)

    await asyncio.gather(*(look() for _ in range(20)))

    with psycopg.connect(database_urls.app) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE (datname, usename) = (current_database(), current_user) AND pid <> pg_backend_pid()"
        ).fetchone()
    await database.close()
    assert row == (3,)


async def test_one_plan_for_all_is_of_one_transaction(database_urls: DatabaseUrls) -> None:
    database, shop = Database(database_urls.app, pool_size=1), uuid4()
    modes = []
    for plan_once in (True, False):
        async with database.tx(shop, plan_once=plan_once) as tx:
            found = await tx.one(_MODE)
            modes.append(found and found[0])
    await database.close()
    assert modes == ["force_generic_plan", "auto"]
