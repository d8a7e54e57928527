"""A shop's own rules for its orders: how long they can be cancelled by their shoppers, and sent back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from commerce.orders.schemas import RulesIn, RulesOut
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Conflict
from foundation.ids import new_id


class ReturnWindowClosed(Conflict):
    """It is too late to send these units back."""

    code = "orders.return_window_closed"

    line_id: UUID
    closed_at: datetime


class CancelWindowClosed(Conflict):
    """It is too late to cancel this; ask the shop."""

    code = "orders.cancel_window_closed"

    closed_at: datetime


# uq_order_rules
_READ = hot(text("SELECT return_days, cancel_minutes FROM order_rules WHERE tenant_id = :tenant_id"))

_PUT = hot(
    text(
        """
        INSERT INTO order_rules (tenant_id, id, return_days, cancel_minutes)
        VALUES (:tenant_id, :id, CAST(:return_days AS bigint), CAST(:cancel_minutes AS bigint))
        ON CONFLICT (tenant_id) DO UPDATE
            SET return_days = excluded.return_days, cancel_minutes = excluded.cancel_minutes
        """
    )
)

# ix_fulfilment_order and ix_fulfilment_line_fulfilment. A parcel that is not delivered yet can be sent back still; the
# last moment of a window is not in it.
_WINDOWS = hot(
    text(
        """
        SELECT u.order_line_id AS line_id,
               coalesce(sum(u.quantity) FILTER (WHERE f.delivered_at IS NULL OR f.delivered_at
                   + r.return_days * interval '24 hours' > CAST(:now AS timestamptz)), 0)::bigint AS units,
               max(f.delivered_at + r.return_days * interval '24 hours') AS closed_at
        FROM order_rules r
        JOIN fulfilment f ON f.tenant_id = r.tenant_id AND f.order_id = :order_id
        JOIN fulfilment_line u ON u.tenant_id = f.tenant_id AND u.fulfilment_id = f.id
        WHERE r.tenant_id = :tenant_id AND r.return_days IS NOT NULL
        GROUP BY u.order_line_id
        """
    )
)

_CANCEL_UNTIL = hot(
    text(
        """
        SELECT o.placed_at + r.cancel_minutes * interval '1 minute' AS closed_at
        FROM order_rules r JOIN orders o ON o.tenant_id = r.tenant_id AND o.id = :order_id
        WHERE r.tenant_id = :tenant_id AND r.cancel_minutes IS NOT NULL
        """
    )
)


async def read(tx: Tx) -> RulesOut:
    """The shop's rules; without any, orders are cancelled until something leaves, and sent back for ever."""
    row = await tx.one(_READ)
    return RulesOut(**dict(row)) if row else RulesOut(return_days=None, cancel_minutes=None)


async def put(tx: Tx, rules: RulesIn) -> RulesOut:
    """Put these rules in place of those there were."""
    await tx.rows(_PUT, {**rules.model_dump(), "id": new_id()})
    return await read(tx)


async def require_returnable(tx: Tx, order_id: UUID, units: Mapping[UUID, int]) -> None:
    """Stop unless so many units of each line were delivered so lately that they can be sent back.

    Raises:
        ReturnWindowClosed: for the first line of which there are fewer.
    """
    for row in await tx.rows(_WINDOWS, {"order_id": order_id, "now": clock.now()}):
        if units.get(row["line_id"], 0) > row["units"]:
            raise ReturnWindowClosed(line_id=row["line_id"], closed_at=row["closed_at"])


async def require_cancellable(tx: Tx, order_id: UUID) -> None:
    """Stop unless the order was placed so lately that its shopper can take something of it back.

    Raises:
        CancelWindowClosed.
    """
    row = await tx.one(_CANCEL_UNTIL, {"order_id": order_id})
    if row is not None and row["closed_at"] <= clock.now():
        raise CancelWindowClosed(closed_at=row["closed_at"])
