"""A tenant's transaction is in the database that holds its rows, wherever the process looked before."""

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from foundation.database import Database, DatabaseUnavailable, ShopMoving, hot
from tests.apart import second_database
from tests.conftest import DatabaseUrls
from tests.factories import seed_shop

__all__ = ["second_database"]

NAME = "second"
WHERE = hot(text("SELECT current_database() AS name"))
WRITE = hot(text("UPDATE tenant SET locale = 'de-DE' WHERE id = :tenant_id"))


@pytest.fixture
def shop(database_urls: DatabaseUrls, second_database: DatabaseUrls) -> UUID:
    """A shop whose rows are to be in the second database: there is its row, and it says so, and so does the directory."""
    seeded = seed_shop(database_urls, "apart")
    with psycopg.connect(second_database.owner) as there, psycopg.connect(database_urls.owner) as here:
        for connection in (here, there):
            connection.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(seeded.id),))
        there.execute(
            "INSERT INTO tenant (id, slug, name, currency, home) VALUES (%s, 'apart', 'Apart', 'USD', %s)",
            (seeded.id, NAME),
        )
        here.execute("UPDATE tenant SET home = %s WHERE id = %s", (NAME, seeded.id))
    return seeded.id


@pytest.fixture
async def database(database_urls: DatabaseUrls, second_database: DatabaseUrls) -> Database:
    return Database(database_urls.app, pool_size=2, apart={NAME: second_database.app})


def name_of(urls: DatabaseUrls) -> str:
    return urls.app.rpartition("/")[2].partition("?")[0]


def stand(urls: DatabaseUrls, tenant_id: UUID, *, home: str, moving_to: str | None = None) -> None:
    with psycopg.connect(urls.owner) as owner:
        owner.execute("UPDATE tenant SET home = %s, moving_to = %s WHERE id = %s", (home, moving_to, tenant_id))


async def found(database: Database, tenant_id: UUID) -> tuple[str, str]:
    """Where a raw transaction and a session are."""
    async with database.tx(tenant_id, read_only=True) as tx:
        row = await tx.one(WHERE)
    async with database.transaction(tenant_id) as session:
        return row["name"] if row else "", str(await session.scalar(text("SELECT current_database()")))


async def test_both_ways_lead_to_the_tenants_own_database(
    database: Database, shop: UUID, second_database: DatabaseUrls
) -> None:
    assert await found(database, shop) == (name_of(second_database),) * 2
    assert database.home_of(shop) == NAME
    await database.close()


async def test_others_stay_in_the_shared_one(database: Database, shop: UUID, database_urls: DatabaseUrls) -> None:
    other = seed_shop(database_urls, "grocer")
    assert await found(database, other.id) == (name_of(database_urls),) * 2
    await database.close()


async def test_who_remembers_an_old_place_is_led_to_the_new_one_both_ways(
    database: Database, shop: UUID, database_urls: DatabaseUrls, second_database: DatabaseUrls
) -> None:
    await found(database, shop)
    stand(database_urls, shop, home="")
    stand(second_database, shop, home="")
    assert await found(database, shop) == (name_of(database_urls),) * 2
    stand(second_database, shop, home=NAME)
    stand(database_urls, shop, home=NAME)
    assert await found(database, shop) == (name_of(second_database),) * 2
    await database.close()


async def test_a_shop_that_is_being_moved_is_read_and_not_written(
    database: Database, shop: UUID, second_database: DatabaseUrls
) -> None:
    stand(second_database, shop, home=NAME, moving_to="third")

    assert await found(database, shop) == (name_of(second_database),) * 2
    with pytest.raises(ShopMoving) as raised:
        async with database.tx(shop) as tx:
            await tx.rows(WRITE)
    assert (raised.value.status, raised.value.retry_after) == (503, 5)
    with pytest.raises(ShopMoving):
        async with database.transaction(shop) as session:
            await session.execute(text("UPDATE tenant SET locale = 'de-DE' WHERE id = :id"), {"id": shop})
    await database.close()


async def test_a_name_that_no_setting_knows_is_unavailable_and_said(database_urls: DatabaseUrls, shop: UUID) -> None:
    database = Database(database_urls.app, pool_size=1)
    with pytest.raises(DatabaseUnavailable):
        await found(database, shop)
    await database.close()


async def test_a_copy_that_is_missing_does_not_lead_round_in_circles(
    database: Database, shop: UUID, second_database: DatabaseUrls
) -> None:
    with psycopg.connect(second_database.owner) as owner:
        owner.execute("DELETE FROM tenant WHERE id = %s", (shop,))
    with pytest.raises(ShopMoving):
        await found(database, shop)
    await database.close()


async def test_what_a_transaction_changed_is_waited_for_before_the_shop_is_frozen(
    database: Database, shop: UUID, second_database: DatabaseUrls
) -> None:
    """The mover's lock is refused while a transaction that was let in for writing goes on."""
    take = "SELECT pg_try_advisory_xact_lock(1414091608, hashtext(%s))"
    with psycopg.connect(second_database.owner) as mover:
        async with database.tx(shop):
            assert mover.execute(take, (str(shop),)).fetchone() == (False,)
        assert mover.execute(take, (str(shop),)).fetchone() == (True,)
        mover.rollback()
        async with database.tx(shop, read_only=True):
            assert mover.execute(take, (str(shop),)).fetchone() == (True,)
    await database.close()


async def test_row_security_holds_in_the_second_database_too(
    database: Database, shop: UUID, second_database: DatabaseUrls
) -> None:
    async with database.transaction(shop) as session:
        with pytest.raises(DBAPIError, match="row-level security"):
            await session.execute(
                text("INSERT INTO outbox (tenant_id, event_id, name, version, occurred_at, recorded_at, aggregate_id,"
                     " payload) VALUES (gen_random_uuid(), gen_random_uuid(), 'x', 1, now(), now(),"
                     " gen_random_uuid(), '{}')")
            )  # fmt: skip
        await session.rollback()
    await database.close()
