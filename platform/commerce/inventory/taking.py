"""Units taken out of balances for those who hold them: any number of parts in one statement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from commerce.inventory import lots
from foundation.database import Tx, hot
from foundation.ids import new_id


@dataclass(frozen=True, slots=True)
class Hold:
    """For whom units are taken, and for how long unless an order has claimed them."""

    holder_id: UUID
    until: datetime
    order_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """So many units of a balance, for a holder; of a lot of it, if it has any."""

    stock_id: UUID
    quantity: int
    hold: Hold
    lot_id: UUID | None = None


class NotThere(RuntimeError):
    """A balance that is locked has less than it had a moment ago: something wrote past the locks."""


# The balances are locked already; the condition is for whoever calls without.
_TAKE = hot(
    text(
        """
        WITH part AS (
            SELECT * FROM unnest(CAST(:reservation_ids AS uuid[]), CAST(:movement_ids AS uuid[]),
                                 CAST(:stock_ids AS uuid[]), CAST(:units AS bigint[]), CAST(:holder_ids AS uuid[]),
                                 CAST(:order_ids AS uuid[]), CAST(:untils AS timestamptz[]),
                                 CAST(:lot_ids AS uuid[]))
                     AS p (reservation_id, movement_id, stock_id, units, holder_id, order_id, until, lot_id)),
        by_stock AS (SELECT stock_id, sum(units)::bigint AS units FROM part GROUP BY stock_id),
        taken AS (
            UPDATE stock s SET available = s.available - b.units, reserved = s.reserved + b.units
            FROM by_stock b
            WHERE s.tenant_id = :tenant_id AND s.id = b.stock_id AND s.available - s.kept_back >= b.units
            RETURNING s.id, s.available - s.kept_back AS available),
        held AS (
            INSERT INTO reservation (tenant_id, id, stock_id, lot_id, holder_id, order_id, status, quantity, expires_at)
            SELECT :tenant_id, p.reservation_id, p.stock_id, p.lot_id, p.holder_id, p.order_id,
                   CASE WHEN p.order_id IS NULL THEN 'held' ELSE 'claimed' END, p.units, p.until
            FROM part p JOIN taken ON taken.id = p.stock_id),
        moved AS (
            INSERT INTO stock_movement (tenant_id, id, stock_id, lot_id, kind, quantity, reference_id)
            SELECT :tenant_id, p.movement_id, p.stock_id, p.lot_id, 'reserve', p.units, p.holder_id
            FROM part p JOIN taken ON taken.id = p.stock_id)
        SELECT id, available FROM taken
        """
    )
)


async def take(tx: Tx, parts: Sequence[Part]) -> Mapping[UUID, int]:
    """Reserve the parts; gives what can still be had of each balance.

    Raises:
        NotThere: a balance has fewer.
    """
    if not parts:
        return {}
    rows = await tx.rows(
        _TAKE,
        {
            "reservation_ids": [new_id() for _ in parts],
            "movement_ids": [new_id() for _ in parts],
            "stock_ids": [part.stock_id for part in parts],
            "units": [part.quantity for part in parts],
            "holder_ids": [part.hold.holder_id for part in parts],
            "order_ids": [part.hold.order_id for part in parts],
            "untils": [part.hold.until for part in parts],
            "lot_ids": [part.lot_id for part in parts],
        },
    )
    if len(rows) < len(Counter(part.stock_id for part in parts)):
        raise NotThere(f"{parts}")
    await lots.hold(tx, ((part.lot_id, part.quantity) for part in parts))
    return {row["id"]: row["available"] for row in rows}
