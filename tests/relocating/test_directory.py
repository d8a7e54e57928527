"""What a shop with a database of its own says of itself reaches the directory that all share."""

from __future__ import annotations

import asyncio

import httpx
import psycopg

from commerce.tenancy import publishing
from foundation.database import SHARED, Database
from foundation.settings import Settings
from tests.conftest import DatabaseUrls
from tests.factories import SeededShop
from tests.relocating.conftest import NAME
from tradewind.relocating import steps
from tradewind.relocating.copying import as_tenant


def move(settings: Settings, shop: SeededShop, to: str = NAME) -> None:
    with steps.moving(settings, shop.slug) as movers:
        steps.move(movers, to)


async def test_name_status_and_hosts_are_copied_and_nobody_elses_host_is_taken(
    settings: Settings, grocer: SeededShop, fashion: SeededShop, database_urls: DatabaseUrls,
    second_database: DatabaseUrls,
) -> None:  # fmt: skip
    await asyncio.to_thread(move, settings, grocer)
    with psycopg.connect(second_database.owner) as own:
        as_tenant(own, grocer.id)
        own.execute("UPDATE tenant SET name = 'Renamed', status = 'suspended' WHERE id = %s", (grocer.id,))
        own.execute("DELETE FROM tenant_domain WHERE tenant_id = %s", (grocer.id,))
        for host, is_primary in (("new.example", True), (fashion.host, False)):
            own.execute(
                "INSERT INTO tenant_domain (host, tenant_id, is_primary) VALUES (%s, %s, %s)",
                (host, grocer.id, is_primary),
            )
    database = Database.of(settings, pool_size=2)

    await publishing.publish(database, grocer.id)

    assert not await publishing.enter(database, grocer.id, fashion.host)
    assert await publishing.enter(database, grocer.id, "free.example")
    await database.close()
    with psycopg.connect(database_urls.owner) as shared:
        row = shared.execute("SELECT name, status, home FROM tenant WHERE id = %s", (grocer.id,)).fetchone()
        hosts = shared.execute("SELECT host, tenant_id, is_primary FROM tenant_domain ORDER BY host").fetchall()
    assert row == ("Renamed", "suspended", NAME)
    assert hosts == [
        (fashion.host, fashion.id, False),
        ("free.example", grocer.id, False),
        ("new.example", grocer.id, True),
    ]


async def test_a_host_that_is_given_up_is_unknown_at_once_and_stays_so_when_the_shop_moves_back(
    settings: Settings, client: httpx.AsyncClient, grocer: SeededShop, database_urls: DatabaseUrls,
    second_database: DatabaseUrls,
) -> None:  # fmt: skip
    with psycopg.connect(database_urls.owner) as shared:
        shared.execute("INSERT INTO tenant_domain (host, tenant_id) VALUES ('old.example', %s)", (grocer.id,))
    await asyncio.to_thread(move, settings, grocer)
    with psycopg.connect(second_database.owner) as own:
        own.execute("DELETE FROM tenant_domain WHERE host = 'old.example'")

    async def answered(host: str) -> int:
        return (await client.get("/v1/store/products", headers={"Host": host})).status_code

    assert [await answered(host) for host in ("old.example", grocer.host)] == [404, 200]
    await asyncio.to_thread(move, settings, grocer, SHARED)
    assert [await answered(host) for host in ("old.example", grocer.host)] == [404, 200]
    with psycopg.connect(database_urls.owner) as shared:
        assert shared.execute("SELECT host FROM tenant_domain").fetchall() == [(grocer.host,)]
