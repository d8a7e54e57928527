"""How much of an order's money is there, to come, set aside and given back."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from foundation.database import Tx, hot


@dataclass(frozen=True, slots=True)
class Balance:
    """An order's money, in minor units but for the counts of payments."""

    payments: int
    """How many there are, whatever became of them."""
    held: int
    """How many are authorised and not captured yet."""
    failed: int
    """How many could not be captured for good."""
    failing: int
    """What is to come yet in their place."""
    taken: int
    """How many are captured."""
    captured: int
    due: int
    """What is to come yet of payments whose goods go before the money."""
    spared: int
    """What of these need not come any more."""
    set_aside: int
    """What refunds that have started or succeeded give back."""
    disputed: int
    """What cardholders have taken back, or try to."""
    refunded: int

    @property
    def refundable(self) -> int:
        """What can still be given back."""
        return self.captured - self.set_aside - self.disputed


# ix_payment_order and ix_refund_order
BALANCE = """
    SELECT count(*) AS payments,
           count(*) FILTER (WHERE status IN ('authorised', 'capturing')) AS held,
           count(*) FILTER (WHERE status = 'capture_failed') AS failed,
           coalesce(sum(amount - spared) FILTER (WHERE status = 'capture_failed'), 0)::bigint AS failing,
           count(*) FILTER (WHERE status = 'captured') AS taken,
           coalesce(sum(amount - spared) FILTER (WHERE status = 'captured'), 0)::bigint AS captured,
           coalesce(sum(amount - spared) FILTER (WHERE status = 'due'), 0)::bigint AS due,
           coalesce(sum(spared), 0)::bigint AS spared,
           coalesce(sum(refunded), 0)::bigint AS set_aside,
           coalesce(sum(disputed), 0)::bigint AS disputed,
           (SELECT coalesce(sum(amount), 0)::bigint FROM refund
            WHERE tenant_id = :tenant_id AND order_id = :order_id AND status = 'succeeded') AS refunded
    FROM payment WHERE tenant_id = :tenant_id AND order_id = :order_id
"""
"""The columns of a `Balance`, for an `:order_id`."""

_BALANCE = hot(text(BALANCE))


async def balance(tx: Tx, order_id: UUID) -> Balance:
    """What was taken for an order and what went back."""
    row = await tx.one(_BALANCE, {"order_id": order_id})
    if row is None:
        raise RuntimeError("an aggregate gave no row")
    return Balance(**row)
