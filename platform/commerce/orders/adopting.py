"""A guest's orders, once their e-mail address is proved to be a customer's."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from foundation.database import Tx, hot

# ix_orders_email
_ADOPT = hot(
    text(
        """
        UPDATE orders SET customer_id = :customer_id
        WHERE tenant_id = :tenant_id AND email = :email AND customer_id IS NULL
        RETURNING id
        """
    )
)


async def adopt(tx: Tx, *, customer_id: UUID, email: str) -> int:
    """Orders placed as a guest with an address that the customer has proved to be theirs are theirs: how many.

    An order that is somebody's already stays theirs, so a second time nothing is left to do.
    """
    return len(await tx.rows(_ADOPT, {"customer_id": customer_id, "email": email.strip().lower()}))
