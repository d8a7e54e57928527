"""Stock-keeping: what comes in, is counted, moved, lost. Every change is one conditional statement and a movement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal
from uuid import UUID

import asyncpg

from commerce.identity.staff import Staff
from commerce.inventory import hot, lots, promises
from commerce.inventory.coming_back import Back, SentBack, attributed, left_in, today
from commerce.inventory.lots import Drawn
from commerce.inventory.promises import Rise
from commerce.inventory.schemas import (
    CountIn,
    LotList,
    LotOut,
    MovementOut,
    Placed,
    RecalledOut,
    ReceiptIn,
    StockLevel,
    StockLevels,
    TransferIn,
    WriteOffIn,
)
from commerce.inventory.service import OutOfStock
from commerce.policies.limits import NONE, Limits
from foundation import clock
from foundation.database import Tx
from foundation.errors import Conflict, NotFound, Unprocessable
from foundation.ids import new_id


class UnknownSku(NotFound):
    """No variant has this SKU."""

    code = "inventory.unknown_sku"

    sku: str


class IsBundle(Conflict):
    """A bundle has no stock of its own; its components have."""

    code = "inventory.is_bundle"

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


class LotUnnamed(Unprocessable):
    """What expires has to be known by the code of its lot."""

    code = "inventory.lot_unnamed"


class LotExpired(Unprocessable):
    """The lot has expired already."""

    code = "inventory.lot_expired"

    expires_on: date


class TransferToItself(Unprocessable):
    """A transfer needs two warehouses."""

    code = "inventory.transfer_to_itself"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a variant's units lie."""

    variant_id: UUID
    product_id: UUID
    warehouse_id: UUID

    def where(self) -> dict[str, object]:
        """As statements name it."""
        return {"variant_id": self.variant_id, "warehouse_id": self.warehouse_id}

    def values(self, quantity: int) -> dict[str, object]:
        """As statements name it, with so many units."""
        return {**self.where(), "quantity": quantity}


async def receive(tx: Tx, receipt: ReceiptIn, *, limits: Limits = NONE) -> StockLevels:
    """Take units in; the first of a SKU in a warehouse open its balance there.

    Raises:
        UnknownSku, IsBundle, UnknownWarehouse, LotDiffers.
        LotUnnamed, LotExpired: the lot makes no sense; nothing is taken in.
    """
    if receipt.lot is None and receipt.expires_on is not None:
        raise LotUnnamed
    if receipt.expires_on is not None and receipt.expires_on < clock.now().date():
        raise LotExpired(expires_on=receipt.expires_on)
    parts = [Drawn(None, receipt.lot, receipt.expires_on, receipt.quantity)]
    await take_in(tx, await find(tx, receipt, limits=limits), parts, "receive", receipt.reason)
    return await levels(tx, receipt.sku, limits=limits)


async def write_off(tx: Tx, lost: WriteOffIn, *, limits: Limits = NONE) -> StockLevels:
    """Give up units that nobody is promised.

    Raises:
        UnknownSku, IsBundle, UnknownWarehouse.
        OutOfStock, LotShort: fewer are available there; nothing is written off.
    """
    place = await find(tx, lost, limits=limits)
    row = await tx.one(hot.WRITE_OFF, place.values(lost.quantity))
    if row is None:
        raise await too_few(tx, place, lost.quantity)
    await log(tx, row["id"], "write_off", await draw_from(tx, row, lost.quantity, "lost", lot=lost.lot), lost.reason)
    await promises.tell_level(tx, place.variant_id, place.product_id, row["available"])
    return await levels(tx, lost.sku, limits=limits)


async def count(tx: Tx, counted: CountIn, *, limits: Limits = NONE) -> StockLevels:
    """Make the balance what was counted: more is received, less is written off.

    Raises:
        UnknownSku, IsBundle, UnknownWarehouse.
        CountedBelowReserved: the missing units are promised; nothing changes.
    """
    place = await find(tx, counted, limits=limits)
    row = await tx.one(hot.COUNT, {**place.where(), "counted": counted.counted})
    if row is None:
        level = await tx.one(hot.LEVEL, place.where())
        if level is not None:
            raise CountedBelowReserved(counted=counted.counted, reserved=level["reserved"])
        if counted.counted:
            await take_in(tx, place, [without_lot(counted.counted)], "receive", counted.reason)
    elif row["difference"]:
        if row["difference"] > 0:
            await log(tx, row["id"], "receive", [without_lot(row["difference"])], counted.reason)
        else:
            await log(tx, row["id"], "write_off", await draw_from(tx, row, -row["difference"], "lost"), counted.reason)
        await tell_risen(tx, [rise_of(place, row, row["difference"])])
    return await levels(tx, counted.sku, limits=limits)


async def transfer(tx: Tx, moving: TransferIn, *, limits: Limits = NONE) -> StockLevels:
    """Move available units between warehouses, at once.

    Raises:
        UnknownSku, IsBundle, UnknownWarehouse, TransferToItself.
        OutOfStock: fewer are available at the source; nothing moves.
    """
    if moving.source == moving.destination:
        raise TransferToItself
    source = await find(tx, Placed(sku=moving.sku, warehouse=moving.source), limits=limits)
    destination = await find(tx, Placed(sku=moving.sku, warehouse=moving.destination), limits=limits)
    pair = [source.warehouse_id, destination.warehouse_id]
    await tx.rows(hot.LOCK_PAIR, {"variant_id": source.variant_id, "warehouse_ids": pair})
    row = await tx.one(hot.SEND, source.values(moving.quantity))
    if row is None:
        raise await too_few(tx, source, moving.quantity)
    sent = await draw_from(tx, row, moving.quantity, "sent")
    await log(tx, row["id"], "transfer_out", sent, moving.reason)
    await promises.tell_level(tx, source.variant_id, source.product_id, row["available"])
    await take_in(tx, destination, sent, "transfer_in", moving.reason)
    return await levels(tx, moving.sku, limits=limits)


async def take_back(
    tx: Tx,
    warehouse: str,
    order_id: UUID,
    sent_back: Sequence[SentBack],
    *,
    reason: str,
    reference_id: UUID,
    limits: Limits = NONE,
) -> dict[UUID, int]:
    """Take units of an order that customers sent back into a warehouse: to be sold again, or written off at once.

    They go back to the lots that they left in; gives how many, by variant, are lost because their lot is over.

    Raises:
        UnknownWarehouse, NotOfThatLot, LotDiffers: nothing is taken.
    """
    row = await tx.one(hot.WAREHOUSE, {"warehouse": warehouse, "mine": limits.mine})
    if row is None:
        raise UnknownWarehouse(warehouse=warehouse)
    by_variant: dict[UUID, list[SentBack]] = {}
    for units in sent_back:
        by_variant.setdefault(units.variant_id, []).append(units)
    await tx.rows(hot.VARIANTS, {"variant_ids": list(by_variant)})
    left = await left_in(tx, order_id) if by_variant else {}
    risen: list[Rise] = []
    over: dict[UUID, int] = {}
    for variant_id in sorted(by_variant):
        place = Place(variant_id, by_variant[variant_id][0].product_id, row["id"])
        parts = attributed(by_variant[variant_id], left.get(variant_id, ()), today())
        rise = await _take_back(tx, place, parts, reason, reference_id)
        if rise.units:
            risen.append(rise)
        lost = sum(units.restocked for units in by_variant[variant_id]) - rise.units
        if lost:
            over[variant_id] = lost
    await tell_risen(tx, risen)
    return over


async def _take_back(tx: Tx, place: Place, parts: Sequence[Back], reason: str, reference_id: UUID) -> Rise:
    restocked, lost = sum(part.restocked for part in parts), sum(part.lost for part in parts)
    stock = await tx.one(hot.TAKE_IN, {**place.where(), "id": new_id(), "restocked": restocked, "lost": lost})
    if stock is None:
        raise RuntimeError("an upsert gave no row")
    for part in parts:
        lot_id = await lots.take_back(tx, stock["id"], part)
        came = Drawn(lot_id, part.lot.code, part.lot.expires_on, part.restocked + part.lost)
        await log(tx, stock["id"], "take_back", [came], reason, reference_id)
        if part.lost:
            gone = replace(came, units=part.lost)
            await log(tx, stock["id"], "write_off", [gone], part.reason or reason, reference_id)
    lotted = stock["lotted"] or any(part.lot.code for part in parts)
    return rise_of(place, stock, restocked, lotted=lotted)


async def levels(tx: Tx, sku: str, *, limits: Limits = NONE) -> StockLevels:
    """A SKU's balances, by warehouse."""
    rows = await tx.rows(hot.LEVELS, {"sku": sku, "mine": limits.mine})
    return StockLevels(items=[StockLevel.model_validate(dict(row)) for row in rows])


async def movements(tx: Tx, sku: str, *, before: UUID, limit: int, limits: Limits = NONE) -> Sequence[MovementOut]:
    """A SKU's movements older than the one named, newest first."""
    rows = await tx.rows(hot.MOVEMENTS, {"sku": sku, "before": before, "limit": limit, "mine": limits.mine})
    return [MovementOut.model_validate(dict(row)) for row in rows]


async def lots_of(tx: Tx, sku: str, *, limits: Limits = NONE) -> LotList:
    """A SKU's lots, those that expire first before the others."""
    rows = await tx.rows(hot.LOTS, {"sku": sku, "mine": limits.mine})
    return LotList(items=[LotOut.model_validate(dict(row)) for row in rows])


async def recall(tx: Tx, sku: str, lot: str, *, after: UUID, limit: int, by: Staff) -> Sequence[RecalledOut]:
    """The orders after the one named that got units of a lot, or hold some."""
    asked = {"sku": sku, "lot": lot, "after": after, "limit": limit, "mine": by.limits.mine}
    rows = await tx.rows(hot.RECALL, asked)
    return [RecalledOut.model_validate(dict(row) | {"email": by.address(row["email"])}) for row in rows]


async def discrepancies(tx: Tx) -> list[UUID]:
    """The balances that are not what their movements add up to: none, unless something wrote past this module."""
    return [row["id"] for row in await tx.rows(hot.DISCREPANCIES)]


async def find(tx: Tx, placed: Placed, *, limits: Limits = NONE) -> Place:
    """The place that a SKU and a warehouse's code name, kept from everybody else who keeps stock.

    To whoever is bound to some warehouses another one is unknown.

    Raises:
        UnknownSku, IsBundle, UnknownWarehouse.
    """
    row = await tx.one(hot.PLACE, {"sku": placed.sku, "warehouse": placed.warehouse, "mine": limits.mine})
    if row is None:
        raise UnknownSku(sku=placed.sku)
    if row["bundle"]:
        raise IsBundle(sku=placed.sku)
    if row["warehouse_id"] is None:
        raise UnknownWarehouse(warehouse=placed.warehouse)
    return Place(row["variant_id"], row["product_id"], row["warehouse_id"])


async def take_in(
    tx: Tx,
    place: Place,
    parts: Sequence[Drawn],
    kind: str,
    reason: str,
    *,
    lost: int = 0,
    reference_id: UUID | None = None,
) -> None:
    """Take in units, some or all of them as lots; `lost` ones are taken in and written off at once."""
    quantity = sum(part.units for part in parts)
    row = await tx.one(hot.TAKE_IN, {**place.where(), "id": new_id(), "restocked": quantity, "lost": lost})
    if row is None:
        raise RuntimeError("an upsert gave no row")
    received = [
        replace(part, id=await lots.put(tx, row["id"], part.code, part.expires_on, part.units)) if part.code else part
        for part in parts
    ]
    missing = [without_lot(lost)] if lost else []
    await log(tx, row["id"], kind, [*received, *missing], reason, reference_id)
    await log(tx, row["id"], "write_off", missing, reason, reference_id)
    lotted = row["lotted"] or any(part.code for part in parts)
    await tell_risen(tx, [rise_of(place, row, quantity, lotted=lotted)])


def without_lot(units: int) -> Drawn:
    """Units that came in without a lot."""
    return Drawn(None, None, None, units)


async def draw_from(
    tx: Tx, balance: asyncpg.Record, units: int, to: Literal["lost", "sent"], *, lot: str | None = None
) -> list[Drawn]:
    """Take units that have left a balance out of its lots, if it has any.

    Raises:
        LotShort.
    """
    if not balance["lotted"] and lot is None:
        return [without_lot(units)]
    return await lots.draw(tx, balance["id"], units, to, code=lot)


def rise_of(place: Place, balance: asyncpg.Record, units: int, *, lotted: bool | None = None) -> Rise:
    """A balance of which so many more units are available."""
    lotted = balance["lotted"] if lotted is None else lotted
    return Rise(balance["id"], place.variant_id, place.product_id, balance["available"], units, lotted)


async def tell_risen(tx: Tx, risen: Sequence[Rise]) -> None:
    """Promises are kept first; what staff change is told whatever it comes to."""
    for rise in await promises.keep(tx, risen):
        await promises.tell_level(tx, rise.variant_id, rise.product_id, rise.available)


async def log(
    tx: Tx, stock_id: UUID, kind: str, parts: Sequence[Drawn], reason: str, reference_id: UUID | None = None
) -> None:
    """Write movements of a balance down, one for each lot."""
    for part in parts:
        await tx.rows(
            hot.MOVE,
            {
                "id": new_id(),
                "stock_id": stock_id,
                "lot_id": part.id,
                "kind": kind,
                "quantity": part.units,
                "reason": reason,
                "reference_id": reference_id,
            },
        )


async def too_few(tx: Tx, place: Place, quantity: int) -> OutOfStock:
    """The problem of a place that has fewer units than are asked of it."""
    level = await tx.one(hot.LEVEL, place.where())
    available = level["available"] if level else 0
    return OutOfStock(variant_id=place.variant_id, requested=quantity, available=available)
