"""What customers send back goes to the lots that it left in; of a lot that is over nothing is sold again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from typing import Literal
from uuid import UUID

from sqlalchemy import text

from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Conflict


class NotOfThatLot(Conflict):
    """Fewer units of the lot left with this order than are said to have come back."""

    code = "inventory.not_of_that_lot"

    lot: str
    requested: int
    possible: int


@dataclass(frozen=True, slots=True)
class SentBack:
    """Units of a variant that came back: `restocked` can be sold again, `lost` can't."""

    variant_id: UUID
    product_id: UUID
    restocked: int
    lost: int
    lot: str | None = None
    """The code that they carry, where somebody looked."""


@dataclass(frozen=True, slots=True)
class Left:
    """Units of an order that left in a lot and have not come back; or without one."""

    code: str | None
    expires_on: date | None
    recalled: bool
    units: int

    def over(self, today: date) -> Literal["recalled", "expired"] | None:
        """Why nothing of the lot is sold any more."""
        if self.recalled:
            return "recalled"
        return "expired" if self.expires_on is not None and self.expires_on < today else None


@dataclass(frozen=True, slots=True)
class Back:
    """Units that go back to a lot, or to what has none: some to be sold again, the others lost, and why those."""

    lot: Left
    restocked: int
    lost: int
    reason: Literal["recalled", "expired"] | None


# ix_fulfilment_order, ix_stock_movement_parcel, ix_order_return_order and ix_stock_movement_return.
_LEFT = hot(
    text(
        """
        WITH moved AS (
            SELECT m.stock_id, m.lot_id, m.quantity AS units FROM fulfilment f
            JOIN stock_movement m ON m.tenant_id = f.tenant_id AND m.reference_id = f.id AND m.kind = 'sell'
            WHERE f.tenant_id = :tenant_id AND f.order_id = :order_id AND m.lot_id IS NOT NULL
            UNION ALL
            SELECT m.stock_id, m.lot_id, -m.quantity FROM order_return b
            JOIN stock_movement m ON m.tenant_id = b.tenant_id AND m.reference_id = b.id AND m.kind = 'take_back'
            WHERE b.tenant_id = :tenant_id AND b.order_id = :order_id AND m.lot_id IS NOT NULL)
        SELECT s.variant_id, l.code, min(l.expires_on) AS expires_on, bool_or(l.recalled_at IS NOT NULL) AS recalled,
               sum(m.units)::bigint AS units
        FROM moved m JOIN stock_lot l ON l.tenant_id = :tenant_id AND l.id = m.lot_id
        JOIN stock s ON s.tenant_id = :tenant_id AND s.id = m.stock_id
        GROUP BY s.variant_id, l.code HAVING sum(m.units) > 0
        ORDER BY s.variant_id, min(l.expires_on) NULLS LAST, l.code
        """
    )
)


async def left_in(tx: Tx, order_id: UUID) -> dict[UUID, list[Left]]:
    """The lots that units of an order left in, by variant, those that expire first before the others."""
    rows = await tx.rows(_LEFT, {"order_id": order_id})
    return {
        variant_id: [Left(row["code"], row["expires_on"], row["recalled"], row["units"]) for row in of_variant]
        for variant_id, of_variant in groupby(rows, key=lambda row: row["variant_id"])
    }


def attributed(sent_back: Sequence[SentBack], left: Sequence[Left], today: date) -> list[Back]:
    """Where units of one variant go back to.

    To the lot that they carry, where that was said; otherwise to those that left, the first to expire first, which can
    only make them be sold too early. What left in no lot goes back to none. What is to be sold again and is of a lot
    that is over is lost instead.

    Raises:
        NotOfThatLot.
    """
    there, found = list(left), list[Back]()
    for back in sorted(sent_back, key=lambda one: one.lot is None):
        good, bad = back.restocked, back.lost
        for place, lot in enumerate(there):
            if back.lot not in (None, lot.code):
                continue
            restocked = min(good, lot.units)
            lost = min(bad, lot.units - restocked)
            if restocked or lost:
                good, bad = good - restocked, bad - lost
                there[place] = replace(lot, units=lot.units - restocked - lost)
                found.append(_back(lot, restocked, lost, today))
        if good or bad:
            if back.lot is not None:
                asked = back.restocked + back.lost
                raise NotOfThatLot(lot=back.lot, requested=asked, possible=asked - good - bad)
            found.append(Back(Left(None, None, recalled=False, units=good + bad), good, bad, None))
    return found


def today() -> date:
    """The day by which lots are over."""
    return clock.now().date()


def _back(lot: Left, restocked: int, lost: int, on: date) -> Back:
    over = lot.over(on)
    return Back(lot, restocked, lost, None) if over is None else Back(lot, 0, restocked + lost, over)
