"""Units on their way between warehouses: received, lost or in transit, and never two of these."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import httpx
import pytest

from commerce.inventory import keeping, policies, transfers, warehouses
from commerce.inventory.schemas import ArrivalIn, DispatchIn, PolicyIn, ReceiptIn, WarehouseIn
from commerce.inventory.service import OutOfStock
from commerce.inventory.transfers import NotInTransit
from commerce.orders import fulfilling
from foundation import clock
from foundation.database import Database, Tx
from foundation.ids import new_id
from tests.commerce.desk import STAFF, Desk
from tests.commerce.invariants import all_faults
from tests.factories import SeededShop, seed_shop

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

LATER = clock.now().date() + timedelta(days=90)


@pytest.fixture
async def desk(database_urls: DatabaseUrls) -> AsyncIterator[Desk]:
    """A shop with two soups in its first warehouse, three more of lot A, and none in the second."""
    database = Database(database_urls.app, pool_size=4)
    desk = await Desk.at(database, seed_shop(database_urls, "moving", stock=2, titles=("Tomato soup",)))
    body = ReceiptIn(sku="SKU0", warehouse="main", quantity=3, lot="A", expires_on=LATER)
    await _do(desk, lambda tx: keeping.receive(tx, body))
    await _do(desk, lambda tx: warehouses.put(tx, "north", WarehouseIn(name="North")))
    yield desk
    assert await all_faults(database, desk.seeded) == []
    await database.close()


async def _do(desk: Desk, do: Callable[[Tx], Awaitable[Any]]) -> Any:
    async with desk.database.tx(desk.shop.id) as tx:
        return await do(tx)


async def _send(desk: Desk, quantity: int) -> UUID:
    body = DispatchIn(sku="SKU0", source="main", destination="north", quantity=quantity)
    sent = await _do(desk, lambda tx: transfers.send(tx, body))
    assert (sent.in_transit, sent.received, sent.lost) == (quantity, 0, 0)
    transfer_id: UUID = sent.id
    return transfer_id


async def _arrive(desk: Desk, transfer_id: UUID, received: int, lost: int = 0) -> tuple[int, int, int]:
    body = ArrivalIn(received=received, lost=lost, reason="lorry")
    sent = await _do(desk, lambda tx: transfers.arrive(tx, transfer_id, body))
    return sent.received, sent.lost, sent.in_transit


async def _levels(desk: Desk) -> dict[str, tuple[int, int, int]]:
    """(received, available, written off) by warehouse."""
    levels = (await _do(desk, lambda tx: keeping.levels(tx, "SKU0"))).items
    return {level.warehouse: (level.received, level.available, level.written_off) for level in levels}


async def test_what_is_on_its_way_is_in_no_warehouse_until_it_arrives(desk: Desk) -> None:
    transfer_id = await _send(desk, 4)
    assert await _levels(desk) == {"main": (1, 1, 0)}
    assert await _arrive(desk, transfer_id, 1) == (1, 0, 3)
    assert await _levels(desk) == {"main": (1, 1, 0), "north": (1, 1, 0)}
    assert await _arrive(desk, transfer_id, 2, 1) == (3, 1, 0)
    assert await _levels(desk) == {"main": (1, 1, 0), "north": (4, 3, 1)}
    moved = await _do(desk, lambda tx: keeping.movements(tx, "SKU0", before=UUID(int=2**128 - 1), limit=1))
    assert [(one.kind, one.reason, one.reference_id) for one in moved] == [("write_off", "lorry", transfer_id)]


async def test_lots_arrive_as_they_were_sent(desk: Desk) -> None:
    await _arrive(desk, await _send(desk, 4), 4)
    lots = (await _do(desk, lambda tx: keeping.lots_of(tx, "SKU0"))).items
    assert {(lot.warehouse, lot.lot, lot.expires_on, lot.available) for lot in lots} == {
        ("main", "A", LATER, 0),
        ("north", "A", LATER, 3),
    }


async def test_what_arrives_goes_to_whoever_waits(desk: Desk) -> None:
    transfer_id = await _send(desk, 5)
    await _do(desk, lambda tx: policies.put(tx, PolicyIn(sku="SKU0", backorder_limit=3)))
    order = await desk.order(3)
    await _arrive(desk, transfer_id, 4, 1)
    assert (await _levels(desk))["north"] == (5, 1, 1)
    await _do(desk, lambda tx: fulfilling.fulfil(tx, order.id, STAFF, warehouse="north"))


async def test_no_more_is_sent_than_is_available(desk: Desk) -> None:
    with pytest.raises(OutOfStock) as refused:
        await _send(desk, 6)
    assert refused.value.available == 5
    assert await _levels(desk) == {"main": (5, 5, 0)}


async def test_no_more_arrives_than_was_sent_however_many_say_so_at_once(desk: Desk) -> None:
    transfer_id = await _send(desk, 5)

    async def arrive() -> bool:
        try:
            await _arrive(desk, transfer_id, 2)
        except NotInTransit:
            return False
        return True

    assert sum(await asyncio.gather(*(arrive() for _ in range(4)))) == 2
    assert (await _levels(desk))["north"] == (4, 4, 0)


async def test_units_are_sent_and_arrive_over_http(
    staff: httpx.AsyncClient, grocer: SeededShop, fashion: SeededShop, rows: Any
) -> None:
    async def post(path: str, **body: Any) -> httpx.Response:
        headers = {"Idempotency-Key": str(uuid4())}
        return await staff.post(f"/v1/admin/inventory/{path}", json=body, headers=headers)

    await staff.put("/v1/admin/inventory/warehouses/north", json={"name": "North"})
    way = {"sku": "SKU0", "source": "main", "destination": "north"}
    sent = (await post("dispatches", **way, quantity=10, expected_on="2099-01-01")).json()["items"][0]
    assert (sent["in_transit"], sent["expected_on"]) == (10, "2099-01-01")
    there = await post(f"dispatches/{sent['id']}/arrivals", received=9, lost=1, reason="broken")
    assert (there.status_code, there.json()["received"], there.json()["lost"], there.json()["in_transit"]) == (
        201,
        9,
        1,
        0,
    )
    listed = await staff.get("/v1/admin/inventory/dispatches", params={"sku": "SKU0"})
    assert [one["id"] for one in listed.json()["items"]] == [sent["id"]]

    before = rows("SELECT * FROM stock"), rows("SELECT * FROM stock_transfer_part")
    for path, body, status, code in [
        ("dispatches", {**way, "quantity": 0}, 422, "request.invalid_fields"),
        ("dispatches", {**way, "quantity": 91}, 409, "inventory.out_of_stock"),
        ("dispatches", {**way, "destination": "main", "quantity": 1}, 422, "inventory.transfer_to_itself"),
        ("dispatches", {**way, "destination": "none", "quantity": 1}, 404, "inventory.unknown_warehouse"),
        ("dispatches", {**way, "sku": "NONE", "quantity": 1}, 404, "inventory.unknown_sku"),
        (f"dispatches/{sent['id']}/arrivals", {"received": 1}, 409, "inventory.not_in_transit"),
        (f"dispatches/{sent['id']}/arrivals", {}, 409, "inventory.not_in_transit"),
        (f"dispatches/{sent['id']}/arrivals", {"received": -1}, 422, "request.invalid_fields"),
        (f"dispatches/{new_id()}/arrivals", {"received": 1}, 404, "inventory.dispatch_not_found"),
    ]:
        refused = await post(path, **body)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert before == (rows("SELECT * FROM stock"), rows("SELECT * FROM stock_transfer_part"))
