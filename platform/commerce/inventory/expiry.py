"""Lots that have expired or were recalled: nobody gets them any more.

What is available of one is written off. What it holds for payments and orders is taken from them and written off too;
they wait for other units then, before everybody who came later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal
from uuid import UUID

import asyncpg
from sqlalchemy import text

from commerce.inventory import promises
from commerce.inventory.promises import Rise
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import NotFound
from foundation.ids import new_id

Reason = Literal["expired", "recalled"]


class UnknownLot(NotFound):
    """Nothing of this SKU has come in as such a lot."""

    code = "inventory.unknown_lot"

    lot: str


# ix_stock_lot_expiry
_EXPIRED = hot(
    text(
        """
        SELECT id, stock_id FROM stock_lot
        WHERE tenant_id = :tenant_id AND expires_on < CAST(:today AS date) AND (available > 0 OR reserved > 0)
          AND recalled_at IS NULL
        ORDER BY expires_on, id LIMIT :limit
        """
    )
)

# ix_stock_lot_recalled: what was held by a payment, or came back, since it was recalled.
_RECALLED = hot(
    text(
        """
        SELECT id, stock_id FROM stock_lot
        WHERE tenant_id = :tenant_id AND recalled_at IS NOT NULL AND (available > 0 OR reserved > 0)
        ORDER BY id LIMIT :limit
        """
    )
)

# uq_variant_sku, uq_stock_variant and uq_stock_lot_code. Recalled again it stays recalled since the first time.
_RECALL = hot(
    text(
        """
        UPDATE stock_lot l SET recalled_at = coalesce(l.recalled_at, CAST(:now AS timestamptz))
        FROM variant v JOIN stock s ON s.tenant_id = v.tenant_id AND s.variant_id = v.id
        WHERE v.tenant_id = :tenant_id AND v.sku = :sku AND l.tenant_id = s.tenant_id AND l.stock_id = s.id
          AND l.code = :lot
        RETURNING l.id, l.stock_id
        """
    )
)

# Whoever sells some of it has its balance; the locks are taken in the order that everybody takes them in.
_LOCK_SKU = hot(
    text(
        """
        SELECT s.id FROM variant v JOIN stock s ON s.tenant_id = v.tenant_id AND s.variant_id = v.id
        WHERE v.tenant_id = :tenant_id AND v.sku = :sku ORDER BY s.variant_id, s.id FOR UPDATE OF s
        """
    )
)

_LOCK = hot(
    text(
        """
        SELECT s.id, s.variant_id, v.product_id FROM stock s
        JOIN variant v ON v.tenant_id = s.tenant_id AND v.id = s.variant_id
        WHERE s.tenant_id = :tenant_id AND s.id = ANY(CAST(:stock_ids AS uuid[]))
        ORDER BY s.variant_id, s.id FOR UPDATE OF s
        """
    )
)

# Whoever changes one of these now has it; the next round sees what they leave.
_HELD = hot(
    text(
        """
        SELECT id, stock_id, holder_id, order_id, expires_at, quantity, quantity - sold - released AS units
        FROM reservation
        WHERE tenant_id = :tenant_id AND lot_id = ANY(CAST(:lot_ids AS uuid[])) AND quantity > sold + released
        ORDER BY id FOR UPDATE SKIP LOCKED
        """
    )
)

_TAKE_AWAY = hot(
    text(
        """
        WITH away AS (
            SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:units AS bigint[]), CAST(:movement_ids AS uuid[]))
                     AS a (id, units, movement_id)),
        held AS (
            SELECT r.id, r.stock_id, r.lot_id, r.holder_id, r.quantity, a.units, a.movement_id
            FROM away a JOIN reservation r ON r.tenant_id = :tenant_id AND r.id = a.id),
        gone AS (DELETE FROM reservation r USING held h
                 WHERE r.tenant_id = :tenant_id AND r.id = h.id AND h.quantity = h.units),
        less AS (UPDATE reservation r SET quantity = r.quantity - h.units FROM held h
                 WHERE r.tenant_id = :tenant_id AND r.id = h.id AND h.quantity > h.units),
        lot AS (UPDATE stock_lot l SET reserved = l.reserved - h.units, available = l.available + h.units
                FROM (SELECT lot_id, sum(units)::bigint AS units FROM held GROUP BY lot_id) h
                WHERE l.tenant_id = :tenant_id AND l.id = h.lot_id),
        moved AS (
            INSERT INTO stock_movement (tenant_id, id, stock_id, lot_id, kind, quantity, reason, reference_id)
            SELECT :tenant_id, movement_id, stock_id, lot_id, 'release', units, :reason, holder_id FROM held)
        UPDATE stock s SET reserved = s.reserved - h.units, available = s.available + h.units
        FROM (SELECT stock_id, sum(units)::bigint AS units FROM held GROUP BY stock_id) h
        WHERE s.tenant_id = :tenant_id AND s.id = h.stock_id
        """
    )
)

_WAIT = hot(
    text(
        """
        INSERT INTO promise (tenant_id, id, variant_id, holder_id, order_id, status, quantity, expires_at)
        SELECT :tenant_id, p.id, p.variant_id, p.holder_id, p.order_id,
               CASE WHEN p.order_id IS NULL THEN 'held' ELSE 'claimed' END, p.units, p.expires_at
        FROM unnest(CAST(:ids AS uuid[]), CAST(:variant_ids AS uuid[]), CAST(:holder_ids AS uuid[]),
                    CAST(:order_ids AS uuid[]), CAST(:units AS bigint[]), CAST(:expire AS timestamptz[]))
             AS p (id, variant_id, holder_id, order_id, units, expires_at)
        """
    )
)

_WRITE_OFF = hot(
    text(
        """
        WITH old AS (
            SELECT l.id, l.stock_id, l.available AS units, m.movement_id
            FROM unnest(CAST(:ids AS uuid[]), CAST(:movement_ids AS uuid[])) AS m (id, movement_id)
            JOIN stock_lot l ON l.tenant_id = :tenant_id AND l.id = m.id AND l.available > 0),
        lost AS (UPDATE stock_lot l SET available = 0, written_off = l.written_off + old.units FROM old
                 WHERE l.tenant_id = :tenant_id AND l.id = old.id),
        moved AS (
            INSERT INTO stock_movement (tenant_id, id, stock_id, lot_id, kind, quantity, reason)
            SELECT :tenant_id, movement_id, stock_id, id, 'write_off', units, :reason FROM old)
        UPDATE stock s SET available = s.available - o.units, written_off = s.written_off + o.units
        FROM (SELECT stock_id, sum(units)::bigint AS units FROM old GROUP BY stock_id) o
        WHERE s.tenant_id = :tenant_id AND s.id = o.stock_id
        RETURNING s.id AS stock_id, s.available - s.kept_back AS available, o.units
        """
    )
)

_COUNT = hot(
    text(
        """
        INSERT INTO stock_policy AS y (tenant_id, id, variant_id, promised)
        VALUES (:tenant_id, :id, :variant_id, :units)
        ON CONFLICT (tenant_id, variant_id) DO UPDATE SET promised = y.promised + excluded.promised
        """
    )
)


async def write_off_expired(tx: Tx, *, limit: int = 100) -> int:
    """Give up what has expired, and what is left of recalled lots; gives how many units that were."""
    expired = await tx.rows(_EXPIRED, {"today": clock.now().date(), "limit": limit})
    recalled = await tx.rows(_RECALLED, {"limit": limit})
    return await _give_up(tx, expired, "expired") + await _give_up(tx, recalled, "recalled")


async def recall(tx: Tx, sku: str, lot: str) -> None:
    """Sell none of a lot any more, wherever it lies: what is there is written off, and what comes back will be.

    Raises:
        UnknownLot.
    """
    await tx.rows(_LOCK_SKU, {"sku": sku})
    recalled = await tx.rows(_RECALL, {"sku": sku, "lot": lot, "now": clock.now()})
    if not recalled:
        raise UnknownLot(lot=lot)
    await _give_up(tx, recalled, "recalled")


async def _give_up(tx: Tx, lots: Sequence[asyncpg.Record], reason: Reason) -> int:
    """Write lots off, with what they hold for payments and orders; gives how many units that were."""
    if not lots:
        return 0
    locked = await tx.rows(_LOCK, {"stock_ids": list({lot["stock_id"] for lot in lots})})
    balances = {row["id"]: row for row in locked}
    lot_ids = [lot["id"] for lot in lots]
    waiting = await _take_away(tx, lot_ids, balances, reason)
    values = {"ids": lot_ids, "movement_ids": [new_id() for _ in lots], "reason": reason}
    lost = await tx.rows(_WRITE_OFF, values)
    levels = [
        Rise(**row, variant_id=balance["variant_id"], product_id=balance["product_id"], lotted=True)
        for row in lost
        for balance in [balances[row["stock_id"]]]
    ]
    for variant_id in sorted(waiting):
        await tx.rows(_COUNT, {"id": new_id(), "variant_id": variant_id, "units": waiting[variant_id]})
    for level in await promises.keep(tx, levels):
        await promises.tell_level(tx, level.variant_id, level.product_id, level.available)
    return sum(row["units"] for row in lost)


async def _take_away(
    tx: Tx, lot_ids: Sequence[UUID], balances: dict[UUID, asyncpg.Record], reason: Reason
) -> Counter[UUID]:
    """Make promises of what the lots hold; gives the units by variant, to be counted."""
    held = await tx.rows(_HELD, {"lot_ids": lot_ids})
    if not held:
        return Counter()
    variant_ids = [balances[row["stock_id"]]["variant_id"] for row in held]
    units = [row["units"] for row in held]
    await tx.rows(
        _TAKE_AWAY,
        {
            "ids": [row["id"] for row in held],
            "units": units,
            "movement_ids": [new_id() for _ in held],
            "reason": reason,
        },
    )
    await tx.rows(
        _WAIT,
        {
            "ids": [row["id"] for row in held],
            "variant_ids": variant_ids,
            "holder_ids": [row["holder_id"] for row in held],
            "order_ids": [row["order_id"] for row in held],
            "units": units,
            "expire": [row["expires_at"] for row in held],
        },
    )
    waiting = Counter[UUID]()
    for variant_id, part in zip(variant_ids, units, strict=True):
        waiting[variant_id] += part
    return waiting
