"""What must be true once it is quiet again."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

import psycopg
from sqlalchemy import text

from foundation.database import Database, hot
from pipelines.outbox import lag
from tests.chaos.house import House
from tests.chaos.people import Memory
from tests.commerce.invariants import facts, faults_of_rows, unsettled
from tests.engines.clickhouse_server import query
from tests.factories import SeededShop
from tradewind.engines.postgres import APP, RELAY

PATIENCE = 120.0
_OPEN = hot(
    text(
        """
        SELECT (SELECT count(*) FROM payment WHERE tenant_id = :tenant_id AND status = 'started')
             + (SELECT count(*) FROM reservation WHERE tenant_id = :tenant_id AND status = 'held') AS left
        """
    )
)
_ORDERS = hot(text("SELECT id, cart_id FROM orders WHERE tenant_id = :tenant_id"))
_ENTRIES = hot(
    text(
        """
        SELECT order_id, kind, count(*) AS times FROM order_entry WHERE tenant_id = :tenant_id
          AND kind IN ('cancelled', 'fulfilled', 'refund_requested') GROUP BY order_id, kind
        """
    )
)


async def judge(house: House, shop: SeededShop, memory: Memory) -> list[str]:
    """What is wrong, in words; nothing, unless something was lost or done twice."""
    database = Database(house.postgres.url(APP), pool_size=2)
    try:
        wrong = await _settles(database, shop, house)
        async with database.tx(shop.id) as tx:
            wrong += await faults_of_rows(tx)
            wrong += [f"order {order_id} has money still to be moved" for order_id in await unsettled(tx)]
            placed = {row["cart_id"]: row["id"] for row in await tx.rows(_ORDERS)}
            entries = {(row["order_id"], row["kind"]): row["times"] for row in await tx.rows(_ENTRIES)}
            told = await facts(tx)
        wrong += _acknowledged(memory, placed, entries)
        wrong += await asyncio.to_thread(_events, house, shop, told)
    finally:
        await database.close()
    return wrong


async def _settles(database: Database, shop: SeededShop, house: House) -> list[str]:
    """Wait until the housekeeper has nothing left to do and the relay nothing to deliver."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        async with database.tx(shop.id, read_only=True) as tx:
            row = await tx.one(_OPEN)
            left = (row["left"] if row else 0) + len(await unsettled(tx))
        if not left and not await asyncio.to_thread(_behind, house):
            return []
        await asyncio.sleep(1)
    return [f"{left} payments, reservations or refunds have no end, {_behind(house)} events are not delivered"]


def _behind(house: House) -> int:
    with psycopg.connect(house.postgres.url(RELAY)) as connection:
        return lag(connection).rows


def _acknowledged(memory: Memory, placed: dict[UUID, UUID], entries: dict[tuple[UUID, str], int]) -> list[str]:
    lost = [cart for cart, order in memory.orders.items() if placed.get(cart) != order]
    wrong = [f"{len(lost)} acknowledged orders are not there"] if lost else []
    for key in memory.changes.keys() | entries.keys():
        if memory.changes[key] != entries.get(key, 0):
            order_id, kind = key
            wrong.append(f"order {order_id}: {kind} {entries.get(key, 0)} times, acknowledged {memory.changes[key]}")
    return wrong


def _events(house: House, shop: SeededShop, told: dict[str, int]) -> list[str]:
    """Each fact's event is in ClickHouse once."""
    rows = query(
        house.clickhouse.url,
        f"SELECT name, count(), uniqExact(event_id) FROM events FINAL WHERE tenant_id = '{shop.id}' GROUP BY name"
        " FORMAT TSV",
    )
    delivered = {name: (int(times), int(ids)) for name, times, ids in (row.split("\t") for row in rows.splitlines())}
    wrong = [f"{name}: {times} rows of {ids} events" for name, (times, ids) in delivered.items() if times != ids]
    for name, times in told.items():
        if delivered.get(name, (0, 0))[0] != times:
            wrong.append(f"{name}: {times} facts, {delivered.get(name, (0, 0))[0]} events")
    return wrong
