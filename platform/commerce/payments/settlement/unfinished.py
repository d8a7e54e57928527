"""Calls to providers that have to be made, or made again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import text

from foundation import clock
from foundation.database import Tx, hot


@dataclass(frozen=True, slots=True)
class Pending:
    """A call to a provider that has to be made, or made again."""

    kind: Literal["capture", "void", "refund"]
    id: UUID
    """The payment's, or the refund's."""


_PENDING = hot(
    text(
        """
        SELECT CASE status WHEN 'voiding' THEN 'void' ELSE 'capture' END AS kind, id FROM payment
        WHERE tenant_id = :tenant_id AND order_id = :order_id AND status IN ('authorised', 'capturing', 'voiding')
        UNION ALL
        SELECT 'refund', id FROM refund
        WHERE tenant_id = :tenant_id AND order_id = :order_id AND status = 'started'
        """
    )
)

# ix_payment_unfinished and ix_refund_unfinished
_LEFT = hot(
    text(
        """
        (SELECT CASE status WHEN 'voiding' THEN 'void' ELSE 'capture' END AS kind, id FROM payment
         WHERE tenant_id = :tenant_id AND status IN ('authorised', 'capturing', 'voiding')
           AND (status = 'voiding' OR order_id IS NOT NULL) AND updated_at < CAST(:before AS timestamptz)
         ORDER BY updated_at LIMIT :limit)
        UNION ALL
        (SELECT 'refund', id FROM refund
         WHERE tenant_id = :tenant_id AND status = 'started' AND updated_at < CAST(:before AS timestamptz)
         ORDER BY updated_at LIMIT :limit)
        """
    )
)


async def pending(tx: Tx, order_id: UUID) -> Sequence[Pending]:
    """What providers have to do for an order."""
    return [Pending(row["kind"], row["id"]) for row in await tx.rows(_PENDING, {"order_id": order_id})]


async def left(tx: Tx, *, older_than: timedelta, limit: int = 50) -> Sequence[Pending]:
    """What a crash or a provider that was away has left to be done, the oldest first."""
    rows = await tx.rows(_LEFT, {"before": clock.now() - older_than, "limit": limit})
    return [Pending(row["kind"], row["id"]) for row in rows]
