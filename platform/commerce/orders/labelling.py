"""What the label of an approved return is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from commerce.orders.returning import ReturnNotFound
from commerce.orders.states import RETURN_STEPS, IllegalTransition
from foundation.database import Tx, hot


@dataclass(frozen=True, slots=True)
class Approved:
    """A return that may be sent: a parcel its units came in, the how many-th it is, and since when it may."""

    fulfilment_id: UUID
    place_among: int
    approved_at: datetime


# The primary key; ix_order_return_order, ix_order_return_line_return, ix_fulfilment_order and its lines'.
_APPROVED = hot(
    text(
        """
        SELECT r.status, r.updated_at,
               (SELECT count(*) FROM order_return e
                WHERE e.tenant_id = r.tenant_id AND e.order_id = r.order_id AND e.id <= r.id) AS place_among,
               (SELECT f.id FROM order_return_line l
                JOIN fulfilment f ON f.tenant_id = l.tenant_id AND f.order_id = r.order_id
                JOIN fulfilment_line u ON u.tenant_id = f.tenant_id AND u.fulfilment_id = f.id
                                      AND u.order_line_id = l.order_line_id
                WHERE l.tenant_id = r.tenant_id AND l.return_id = r.id ORDER BY f.id LIMIT 1) AS fulfilment_id
        FROM order_return r WHERE r.tenant_id = :tenant_id AND r.id = :return_id AND r.order_id = :order_id
        """
    )
)


async def sent_in(tx: Tx, order_id: UUID, return_id: UUID) -> Approved:
    """What the label of an approved return is made of.

    Raises:
        ReturnNotFound.
        IllegalTransition: it is not approved.
    """
    row = await tx.one(_APPROVED, {"order_id": order_id, "return_id": return_id})
    if row is None:
        raise ReturnNotFound
    if row["status"] != "approved":
        raise IllegalTransition(action="label", state=row["status"], possible=list(RETURN_STEPS[row["status"]]))
    return Approved(row["fulfilment_id"], row["place_among"], row["updated_at"])
