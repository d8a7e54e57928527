"""Stock-keeping: what comes in, is counted, moved, lost. Every change is one conditional statement and a movement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from commerce.inventory import hot, promises
from commerce.inventory.promises import Rise
from commerce.inventory.schemas import (
    CountIn,
    MovementOut,
    Placed,
    ReceiptIn,
    StockLevel,
    StockLevels,
    TransferIn,
    WriteOffIn,
)
from commerce.inventory.service import OutOfStock
from foundation.database import Tx
from foundation.errors import Conflict, NotFound, Unprocessable
from foundation.ids import new_id


class UnknownSku(NotFound):
    """No variant has this SKU."""

    code = "inventory.unknown_sku"

    sku: str


class UnknownWarehouse(NotFound):
    """No warehouse has this code."""

    code = "inventory.unknown_warehouse"

    warehouse: str


class CountedBelowReserved(Conflict):
    """Fewer were counted than are promised to orders; release some of those first."""

    code = "inventory.counted_below_reserved"

    counted: int
    reserved: int


class TransferToItself(Unprocessable):
    """A transfer needs two warehouses."""

    code = "inventory.transfer_to_itself"


@dataclass(frozen=True, slots=True)
class SentBack:
    """Units of a variant that came back: `restocked` can be sold again, `lost` can't."""

    variant_id: UUID
    product_id: UUID
    restocked: int
    lost: int


@dataclass(frozen=True, slots=True)
class _Place:
    variant_id: UUID
    product_id: UUID
    warehouse_id: UUID

    def where(self) -> dict[str, object]:
        return {"variant_id": self.variant_id, "warehouse_id": self.warehouse_id}

    def values(self, quantity: int) -> dict[str, object]:
        return {**self.where(), "quantity": quantity}


async def receive(tx: Tx, receipt: ReceiptIn) -> StockLevels:
    """Take units in; the first of a SKU in a warehouse open its balance there.

    Raises:
        UnknownSku, UnknownWarehouse.
    """
    await _receive(tx, await _find(tx, receipt), receipt.quantity, "receive", receipt.reason)
    return await levels(tx, receipt.sku)


async def write_off(tx: Tx, lost: WriteOffIn) -> StockLevels:
    """Give up units that nobody is promised.

    Raises:
        UnknownSku, UnknownWarehouse.
        OutOfStock: fewer are available there; nothing is written off.
    """
    place = await _find(tx, lost)
    row = await tx.one(hot.WRITE_OFF, place.values(lost.quantity))
    if row is None:
        raise await _too_few(tx, place, lost.quantity)
    await _moved(tx, row["id"], "write_off", lost.quantity, lost.reason)
    await promises.tell_level(tx, place.variant_id, place.product_id, row["available"])
    return await levels(tx, lost.sku)


async def count(tx: Tx, counted: CountIn) -> StockLevels:
    """Make the balance what was counted: more is received, less is written off.

    Raises:
        UnknownSku, UnknownWarehouse.
        CountedBelowReserved: the missing units are promised; nothing changes.
    """
    place = await _find(tx, counted)
    row = await tx.one(hot.COUNT, {**place.where(), "counted": counted.counted})
    if row is None:
        level = await tx.one(hot.LEVEL, place.where())
        if level is not None:
            raise CountedBelowReserved(counted=counted.counted, reserved=level["reserved"])
        if counted.counted:
            await _receive(tx, place, counted.counted, "receive", counted.reason)
    elif row["difference"]:
        kind = "receive" if row["difference"] > 0 else "write_off"
        await _moved(tx, row["id"], kind, abs(row["difference"]), counted.reason)
        await _rose(tx, [_rise(place, row, row["difference"])])
    return await levels(tx, counted.sku)


async def transfer(tx: Tx, moving: TransferIn) -> StockLevels:
    """Move available units between warehouses, at once.

    Raises:
        UnknownSku, UnknownWarehouse, TransferToItself.
        OutOfStock: fewer are available at the source; nothing moves.
    """
    if moving.source == moving.destination:
        raise TransferToItself
    source = await _find(tx, Placed(sku=moving.sku, warehouse=moving.source))
    destination = await _find(tx, Placed(sku=moving.sku, warehouse=moving.destination))
    pair = [source.warehouse_id, destination.warehouse_id]
    await tx.rows(hot.LOCK_PAIR, {"variant_id": source.variant_id, "warehouse_ids": pair})
    row = await tx.one(hot.SEND, source.values(moving.quantity))
    if row is None:
        raise await _too_few(tx, source, moving.quantity)
    await _moved(tx, row["id"], "transfer_out", moving.quantity, moving.reason)
    await promises.tell_level(tx, source.variant_id, source.product_id, row["available"])
    await _receive(tx, destination, moving.quantity, "transfer_in", moving.reason)
    return await levels(tx, moving.sku)


async def take_back(tx: Tx, warehouse: str, sent_back: Sequence[SentBack], *, reason: str, reference_id: UUID) -> None:
    """Take units that customers sent back into a warehouse: to be sold again, or written off at once.

    Raises:
        UnknownWarehouse: nothing is taken.
    """
    row = await tx.one(hot.WAREHOUSE, {"warehouse": warehouse})
    if row is None:
        raise UnknownWarehouse(warehouse=warehouse)
    risen: list[Rise] = []
    for units in sorted(sent_back, key=lambda units: units.variant_id):
        place = _Place(units.variant_id, units.product_id, row["id"])
        stock = await tx.one(
            hot.TAKE_BACK, {**place.where(), "id": new_id(), "restocked": units.restocked, "lost": units.lost}
        )
        if stock is None:
            raise RuntimeError("an upsert gave no row")
        taken = units.restocked + units.lost
        await _moved(tx, stock["id"], "take_back", taken, reason, reference_id)
        if units.lost:
            await _moved(tx, stock["id"], "write_off", units.lost, reason, reference_id)
        if units.restocked:
            risen.append(_rise(place, stock, units.restocked))
    await _rose(tx, risen)


async def levels(tx: Tx, sku: str) -> StockLevels:
    """A SKU's balances, by warehouse."""
    rows = await tx.rows(hot.LEVELS, {"sku": sku})
    return StockLevels(items=[StockLevel.model_validate(dict(row)) for row in rows])


async def movements(tx: Tx, sku: str, *, before: UUID, limit: int) -> Sequence[MovementOut]:
    """A SKU's movements older than the one named, newest first."""
    rows = await tx.rows(hot.MOVEMENTS, {"sku": sku, "before": before, "limit": limit})
    return [MovementOut.model_validate(dict(row)) for row in rows]


async def discrepancies(tx: Tx) -> list[UUID]:
    """The balances that are not what their movements add up to: none, unless something wrote past this module."""
    return [row["id"] for row in await tx.rows(hot.DISCREPANCIES)]


async def _find(tx: Tx, placed: Placed) -> _Place:
    row = await tx.one(hot.PLACE, {"sku": placed.sku, "warehouse": placed.warehouse})
    if row is None:
        raise UnknownSku(sku=placed.sku)
    if row["warehouse_id"] is None:
        raise UnknownWarehouse(warehouse=placed.warehouse)
    return _Place(row["variant_id"], row["product_id"], row["warehouse_id"])


async def _receive(tx: Tx, place: _Place, quantity: int, kind: str, reason: str) -> None:
    row = await tx.one(hot.RECEIVE, {**place.values(quantity), "id": new_id()})
    if row is None:
        raise RuntimeError("an upsert gave no row")
    await _moved(tx, row["id"], kind, quantity, reason)
    await _rose(tx, [_rise(place, row, quantity)])


def _rise(place: _Place, balance: asyncpg.Record, units: int) -> Rise:
    return Rise(balance["id"], place.variant_id, place.product_id, balance["available"], units)


async def _rose(tx: Tx, risen: Sequence[Rise]) -> None:
    """Promises are kept first; what staff change is told whatever it comes to."""
    for rise in await promises.keep(tx, risen):
        await promises.tell_level(tx, rise.variant_id, rise.product_id, rise.available)


async def _moved(
    tx: Tx, stock_id: UUID, kind: str, quantity: int, reason: str, reference_id: UUID | None = None
) -> None:
    await tx.rows(
        hot.MOVE,
        {
            "id": new_id(),
            "stock_id": stock_id,
            "kind": kind,
            "quantity": quantity,
            "reason": reason,
            "reference_id": reference_id,
        },
    )


async def _too_few(tx: Tx, place: _Place, quantity: int) -> OutOfStock:
    level = await tx.one(hot.LEVEL, place.where())
    available = level["available"] if level else 0
    return OutOfStock(variant_id=place.variant_id, requested=quantity, available=available)
