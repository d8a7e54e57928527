"""The end of a shop with a database of its own: what that says counts, and nothing is left in either."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import psycopg
import pytest
from pydantic import SecretStr

from commerce.leaving import removing
from commerce.leaving.removing import PlaceFailed, RemovalNotDue
from commerce.lifecycle import service as lifecycle
from commerce.tenancy import publishing
from foundation import clock
from foundation.database import SHARED, Database
from foundation.settings import Settings
from tests.conftest import DatabaseUrls
from tests.factories import SeededShop
from tests.relocating.test_directory import move
from tests.relocating.test_moving import holdings, standing
from tradewind.relocating.steps import CannotMove
from tradewind.removal import running


@pytest.fixture
def ending(settings: Settings, grocer: SeededShop) -> SeededShop:
    """In its own database, and closing there, as the shared directory has heard."""
    move(settings, grocer)
    asyncio.run(_close(settings, grocer))
    return grocer


async def _close(settings: Settings, shop: SeededShop) -> None:
    database = Database.of(settings, pool_size=1)
    async with database.tx(shop.id) as tx:
        await lifecycle.close(tx, typed=shop.slug.title(), reason="", by="owner", grace=timedelta(0))
    await publishing.publish(database, shop.id)
    await database.close()


def _status(urls: DatabaseUrls, shop: SeededShop) -> str | None:
    with psycopg.connect(urls.owner) as owner:
        row = owner.execute("SELECT status FROM tenant WHERE id = %s", (shop.id,)).fetchone()
    return row[0] if row else None


async def test_a_shop_that_is_kept_after_all_is_not_removed_by_who_has_not_heard_of_it(
    settings: Settings, ending: SeededShop, database_urls: DatabaseUrls, second_database: DatabaseUrls
) -> None:
    before = holdings(second_database.owner, ending.id)
    with psycopg.connect(second_database.owner) as own:
        own.execute("UPDATE tenant SET status = 'active', closes_at = NULL WHERE id = %s", (ending.id,))

    assert await running.once(settings) == 0
    with pytest.raises(RemovalNotDue):
        await running.remove(settings, ending.id, early=True)

    assert _status(database_urls, ending) == "closing"
    assert holdings(second_database.owner, ending.id) == before


async def test_what_is_being_removed_is_not_opened_again_by_news_from_before_and_not_moved(
    settings: Settings, ending: SeededShop, database_urls: DatabaseUrls, second_database: DatabaseUrls
) -> None:
    async with removing.owner(settings) as connection:
        await removing.begin(connection, settings, ending.id)
    with psycopg.connect(second_database.owner) as own:
        own.execute("UPDATE tenant SET status = 'closing' WHERE id = %s", (ending.id,))
    database = Database.of(settings, pool_size=1)

    await publishing.publish(database, ending.id)

    await database.close()
    assert _status(database_urls, ending) == "removing"
    with pytest.raises(CannotMove, match="is being removed"):
        await asyncio.to_thread(move, settings, ending, "")
    assert await running.once(settings) == 1
    for urls in (database_urls, second_database):
        assert holdings(urls.owner, ending.id) == {}
        assert standing(urls.owner, ending.id) is None


async def test_a_database_that_is_away_holds_up_its_own_shop_and_no_other(
    settings: Settings, ending: SeededShop, fashion: SeededShop, database_urls: DatabaseUrls
) -> None:
    with psycopg.connect(database_urls.owner) as owner:
        owner.execute("UPDATE tenant SET status = 'closing', closes_at = %s WHERE id = %s", (clock.now(), fashion.id))
    without = settings.model_copy(update={"databases": {}})

    with pytest.raises(PlaceFailed):
        await running.remove(without, ending.id)
    assert await running.once(without) == 1

    assert (_status(database_urls, fashion), _status(database_urls, ending)) == (None, "closing")


async def test_a_removal_that_was_cut_off_when_its_own_database_was_empty_is_gone_on_with(
    settings: Settings, ending: SeededShop, database_urls: DatabaseUrls
) -> None:
    with pytest.raises(PlaceFailed):
        await running.remove(settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:9/0")}), ending.id)
    database = Database.of(settings, pool_size=1)

    async with database.tx(ending.id, read_only=True):
        assert database.home_of(ending.id) == SHARED

    await database.close()
    await running.remove(settings, ending.id)
    assert _status(database_urls, ending) is None


async def test_out_of_a_backup_of_its_own_database_a_shop_is_removed_anew(
    settings: Settings, ending: SeededShop, second_database: DatabaseUrls
) -> None:
    await running.remove(settings, ending.id)
    with psycopg.connect(second_database.owner) as own:
        own.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(ending.id),))
        own.execute("INSERT INTO vendor (tenant_id, id, code, name) VALUES (%s, uuidv7(), 'x', 'x')", (ending.id,))

    assert await running.once(settings) == 1

    assert holdings(second_database.owner, ending.id) == {}
    assert await running.once(settings) == 0
