"""More hands than two at one order, all at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

from commerce.orders import returning
from commerce.orders.returning import Announced
from foundation.database import Database
from tests.commerce.desk import STAFF, Desk
from tests.commerce.invariants import all_faults
from tests.factories import SeededShop, seed_shop
from tests.races.pairs import fulfil
from tests.races.site import told

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls


async def test_units_are_returned_once_by_two_at_once(database_urls: DatabaseUrls) -> None:
    seeded: SeededShop = seed_shop(database_urls, "raced")
    database = Database(database_urls.app, pool_size=4)
    desk = await Desk.at(database, seeded)
    order = await desk.order(2)
    await fulfil(desk, order.id)
    announced = [Announced(order.lines[0].id, 2, "other")]

    async def ask() -> str:
        async def hand(desk: Desk, order_id: UUID) -> None:
            async with desk.database.tx(desk.shop.id) as tx:
                await returning.request(tx, order_id, STAFF, announced, note="")

        return await told(hand(desk, order.id))

    assert sorted(await asyncio.gather(ask(), ask(), ask())) == ["done", *["orders.too_many_units"] * 2]
    assert await all_faults(database, seeded) == []
    await database.close()
