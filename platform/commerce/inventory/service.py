"""Stock before there is an order: held for a payment, claimed when the order is placed, given back otherwise.

A balance changes by one conditional UPDATE, never by reading and then writing; `available` is what can still be
promised, so units held for a payment have already left it. Balances are locked in the order (variant, id) everywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
from sqlalchemy import text

from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Conflict
from foundation.events import StockLevelChanged, record
from foundation.ids import new_id
from foundation.outbox import announce


class OutOfStock(Conflict):
    """The variant can't be reserved in the quantity asked."""

    code = "inventory.out_of_stock"

    variant_id: UUID
    requested: int
    available: int


@dataclass(frozen=True, slots=True)
class StockLine:
    """So many of a variant."""

    variant_id: UUID
    product_id: UUID
    quantity: int


# uq_stock_variant
_AVAILABLE = hot(
    text(
        """
        SELECT variant_id, sum(available)::bigint AS available FROM stock
        WHERE tenant_id = :tenant_id AND variant_id = ANY(CAST(:variant_ids AS uuid[])) GROUP BY variant_id
        """
    )
)

_HOLD = """
    held AS (
        INSERT INTO reservation (tenant_id, id, stock_id, holder_id, quantity, expires_at)
        SELECT :tenant_id, CAST(:reservation_id AS uuid), id, CAST(:holder_id AS uuid), CAST(:quantity AS bigint),
               CAST(:until AS timestamptz) FROM taken),
    moved AS (
        INSERT INTO stock_movement (tenant_id, id, stock_id, kind, quantity, reference_id)
        SELECT :tenant_id, CAST(:movement_id AS uuid), id, 'reserve', CAST(:quantity AS bigint),
               CAST(:holder_id AS uuid) FROM taken)
    SELECT available FROM taken
"""

# uq_stock_variant finds the balance; the outer condition is checked again on the row's newest version.
_RESERVE = hot(
    text(
        f"""
        WITH taken AS (
            UPDATE stock
            SET available = available - CAST(:quantity AS bigint), reserved = reserved + CAST(:quantity AS bigint)
            WHERE available >= CAST(:quantity AS bigint) AND (tenant_id, id) = (
                SELECT tenant_id, id FROM stock
                WHERE tenant_id = :tenant_id AND variant_id = :variant_id AND available >= CAST(:quantity AS bigint)
                ORDER BY warehouse_id LIMIT 1)
            RETURNING id, available),
        {_HOLD}
        """  # noqa: S608  (the fragment is a literal)
    )
)

_LOCK_VARIANT = hot(
    text(
        """
        SELECT id, available FROM stock WHERE tenant_id = :tenant_id AND variant_id = :variant_id
        ORDER BY id FOR UPDATE
        """
    )
)

_RESERVE_PART = hot(
    text(
        f"""
        WITH taken AS (
            UPDATE stock
            SET available = available - CAST(:quantity AS bigint), reserved = reserved + CAST(:quantity AS bigint)
            WHERE tenant_id = :tenant_id AND id = :stock_id AND available >= CAST(:quantity AS bigint)
            RETURNING id, available),
        {_HOLD}
        """  # noqa: S608  (the fragment is a literal)
    )
)

# ix_reservation_holder
_CLAIM = hot(
    text(
        """
        UPDATE reservation SET status = 'claimed', order_id = :order_id
        WHERE tenant_id = :tenant_id AND holder_id = :holder_id AND status = 'held' RETURNING quantity
        """
    )
)

_LET_GO = hot(
    text(
        """
        UPDATE reservation SET status = 'released', released = quantity
        WHERE tenant_id = :tenant_id AND holder_id = :holder_id AND status = 'held'
        RETURNING stock_id, quantity, holder_id
        """
    )
)

# ix_reservation_expiry
_LET_GO_EXPIRED = hot(
    text(
        """
        WITH expired AS (
            SELECT id FROM reservation
            WHERE tenant_id = :tenant_id AND status = 'held' AND expires_at <= CAST(:now AS timestamptz)
            ORDER BY expires_at, id LIMIT :limit FOR UPDATE SKIP LOCKED)
        UPDATE reservation r SET status = 'released', released = r.quantity
        FROM expired e WHERE r.tenant_id = :tenant_id AND r.id = e.id
        RETURNING r.stock_id, r.quantity, r.holder_id
        """
    )
)

_LOCK = hot(
    text(
        """
        SELECT id FROM stock WHERE tenant_id = :tenant_id AND id = ANY(CAST(:stock_ids AS uuid[]))
        ORDER BY variant_id, id FOR UPDATE
        """
    )
)

_GIVE_BACK = hot(
    text(
        """
        WITH given AS (
            SELECT * FROM unnest(CAST(:stock_ids AS uuid[]), CAST(:units AS bigint[]), CAST(:holder_ids AS uuid[]),
                                 CAST(:movement_ids AS uuid[])) AS g (stock_id, units, holder_id, movement_id)),
        moved AS (
            INSERT INTO stock_movement (tenant_id, id, stock_id, kind, quantity, reference_id)
            SELECT :tenant_id, movement_id, stock_id, 'release', units, holder_id FROM given),
        by_stock AS (SELECT stock_id, sum(units)::bigint AS units FROM given GROUP BY stock_id)
        UPDATE stock s SET reserved = s.reserved - b.units, available = s.available + b.units
        FROM by_stock b, variant v
        WHERE s.tenant_id = :tenant_id AND s.id = b.stock_id AND v.tenant_id = s.tenant_id AND v.id = s.variant_id
        RETURNING s.variant_id, v.product_id, s.available, b.units
        """
    )
)

# ix_stock_sold_out makes this as cheap as there are few such products.
_SOLD_OUT = hot(
    text(
        """
        SELECT DISTINCT v.product_id::text
        FROM stock s JOIN variant v ON (v.tenant_id, v.id) = (s.tenant_id, s.variant_id)
        WHERE s.tenant_id = :tenant_id AND s.available = 0 AND NOT EXISTS (
            SELECT FROM variant w JOIN stock t ON (t.tenant_id, t.variant_id) = (w.tenant_id, w.id)
            WHERE (w.tenant_id, w.product_id) = (v.tenant_id, v.product_id) AND t.available > 0)
        """
    )
)


async def availability(tx: Tx, variant_ids: Iterable[UUID]) -> dict[UUID, int]:
    """How many of each variant can still be promised, over all warehouses."""
    rows = await tx.rows(_AVAILABLE, {"variant_ids": list(set(variant_ids))})
    return {row["variant_id"]: row["available"] for row in rows}


async def reserve(tx: Tx, holder_id: UUID, lines: Sequence[StockLine], *, until: datetime) -> None:
    """Hold stock for a payment that has started.

    A line is taken from one warehouse where one has enough, otherwise from as few as will do. Lines are locked in the
    order of their variants, so two carts can't deadlock. Demand is summed by variant first: two lines of one cart may
    share it.

    Raises:
        OutOfStock: for the first line that can't be met; nothing is held then.
    """
    for line in _summed(lines):
        asked = {"holder_id": holder_id, "until": until, "variant_id": line.variant_id}
        row = await tx.one(_RESERVE, _part(asked, line.quantity))
        left = row["available"] if row else await _reserve_parts(tx, asked, line)
        if left == 0:
            await _announce(tx, line.variant_id, line.product_id, 0)


async def _reserve_parts(tx: Tx, asked: Mapping[str, object], line: StockLine) -> int:
    """Take a line from several warehouses, those with the most first; gives what is left in the last of them."""
    balances = await tx.rows(_LOCK_VARIANT, {"variant_id": line.variant_id})
    available: int = sum(balance["available"] for balance in balances)
    if available < line.quantity:
        raise OutOfStock(variant_id=line.variant_id, requested=line.quantity, available=available)
    wanted = line.quantity
    for balance in sorted(balances, key=lambda balance: (-balance["available"], balance["id"])):
        part = min(wanted, balance["available"])
        if part:
            await tx.rows(_RESERVE_PART, {**_part(asked, part), "stock_id": balance["id"]})
            wanted -= part
    return available - line.quantity


def _part(asked: Mapping[str, object], quantity: int) -> dict[str, object]:
    return {**asked, "quantity": quantity, "reservation_id": new_id(), "movement_id": new_id()}


async def claim(tx: Tx, holder_id: UUID, order_id: UUID, *, units: int) -> bool:
    """Keep for an order, without a time limit, the units that a payment holds.

    `False` when some of them have run out of time: the transaction has to be rolled back then.
    """
    claimed = await tx.rows(_CLAIM, {"holder_id": holder_id, "order_id": order_id})
    held: int = sum(row["quantity"] for row in claimed)
    return held == units


async def release(tx: Tx, holder_id: UUID) -> None:
    """Give back what a payment holds; nothing happens when it holds nothing."""
    await _give_back(tx, await tx.rows(_LET_GO, {"holder_id": holder_id}))


async def release_expired(tx: Tx, *, limit: int = 100) -> int:
    """Give back what was held too long, for payments that never ended; says how many reservations."""
    expired = await tx.rows(_LET_GO_EXPIRED, {"now": clock.now(), "limit": limit})
    await _give_back(tx, expired)
    return len(expired)


async def sold_out_products(tx: Tx) -> list[str]:
    """The ids of the products none of whose variants can be had."""
    return [row["product_id"] for row in await tx.rows(_SOLD_OUT)]


async def _give_back(tx: Tx, reservations: Sequence[asyncpg.Record]) -> None:
    if not reservations:
        return
    stock_ids = [reservation["stock_id"] for reservation in reservations]
    await tx.rows(_LOCK, {"stock_ids": stock_ids})
    given = {
        "stock_ids": stock_ids,
        "units": [reservation["quantity"] for reservation in reservations],
        "holder_ids": [reservation["holder_id"] for reservation in reservations],
        "movement_ids": [new_id() for _ in reservations],
    }
    await announce_risen(tx, await tx.rows(_GIVE_BACK, given))


async def announce_risen(tx: Tx, balances: Sequence[asyncpg.Record]) -> None:
    """Tell of the balances that had nothing available before `units` were given back to them."""
    for row in balances:
        if row["available"] == row["units"]:
            await _announce(tx, row["variant_id"], row["product_id"], row["available"])


async def _announce(tx: Tx, variant_id: UUID, product_id: UUID, available: int) -> None:
    change = StockLevelChanged(variant_id=variant_id, product_id=product_id, available=available)
    await announce(tx, [record(change, tenant_id=tx.tenant_id, aggregate_id=variant_id)])


def _summed(lines: Sequence[StockLine]) -> list[StockLine]:
    wanted = Counter[UUID]()
    products = {line.variant_id: line.product_id for line in lines}
    for line in lines:
        wanted[line.variant_id] += line.quantity
    return [StockLine(variant_id, products[variant_id], wanted[variant_id]) for variant_id in sorted(wanted)]
