"""What stands in the way of forgetting somebody: what the shop and they still owe each other.

The law lets a shop keep what it needs to carry out a contract and to make or answer a claim (GDPR art. 17 (3) b and e).
That is only as long as there is one: erasure waits for it and is done then, and whoever asked is told what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from commerce.privacy.schemas import UnsettledOut
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Conflict

RETURNS_AWAITED = timedelta(days=90)
"""How long a return that was announced is waited for: whoever never sends it back is forgotten all the same."""


class NotSettled(Conflict):
    """Something between the shop and them is open; they can be forgotten when it is settled."""

    code = "privacy.not_settled"

    orders: list[str]
    """Numbers of the orders that are still being carried out."""
    claims: list[str]
    """Of those about which a claim is open."""
    returns: list[str]
    """Of which something is on its way back."""
    disputes: list[str]
    """Of which a payment is disputed at the bank."""
    unpaid: list[str]
    """That are still to be paid."""


def refused(left: UnsettledOut) -> NotSettled:
    """The same as a refusal."""
    return NotSettled(**left.model_dump())


def _numbers(where: str) -> str:
    return f"ARRAY(SELECT o.number FROM theirs o WHERE {where} ORDER BY o.number)"  # noqa: S608  (literals)


def _some(table: str, where: str) -> str:
    return _numbers(f"EXISTS (SELECT FROM {table} x WHERE x.tenant_id = :tenant_id AND x.order_id = o.id AND {where})")


# pk_orders, and each table's index by order
_OPEN = hot(
    text(
        f"""
        WITH theirs AS (
            SELECT o.id, o.number, o.status, o.fulfilment_state FROM orders o
            WHERE o.tenant_id = :tenant_id AND o.id = ANY (CAST(:orders AS uuid[])))
        SELECT {
            _numbers(
                "o.fulfilment_state NOT IN ('delivered', 'cancelled')"
                " AND o.status NOT IN ('cancelled', 'returned', 'refunded')"
            )
        } AS orders,
               {_some("order_claim", "x.status = 'open'")} AS claims,
               {
            _some(
                "order_return", "x.status IN ('requested', 'approved') AND x.created_at > CAST(:awaited AS timestamptz)"
            )
        } AS returns,
               {_some("dispute", "x.status = 'opened'")} AS disputes,
               {_some("payment", "x.status IN ('due', 'capture_failed')")} AS unpaid
        """  # noqa: S608  (as above)
    )
)


async def of(tx: Tx, orders: Sequence[UUID]) -> UnsettledOut:
    """What of these orders is open."""
    row = await tx.one(_OPEN, {"orders": list(orders), "awaited": clock.now() - RETURNS_AWAITED})
    if row is None:
        raise RuntimeError("a select without a condition gave no row")
    return UnsettledOut(**{name: list(numbers) for name, numbers in row.items()})
