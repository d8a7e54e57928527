"""A guest's orders, once their e-mail address is proved to be a customer's."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from foundation import sealing
from foundation.database import Tx, hot

# ix_orders_email_digest, ix_orders_email
_ADOPT = hot(
    text(
        """
        UPDATE orders SET customer_id = :customer_id
        WHERE tenant_id = :tenant_id AND customer_id IS NULL
          AND (email_digest = :digest OR (email_digest IS NULL AND email = :email))
        RETURNING id
        """
    )
)


async def adopt(tx: Tx, *, customer_id: UUID, email: str) -> int:
    """Orders placed as a guest with an address that the customer has proved to be theirs are theirs: how many.

    An order that is somebody's already stays theirs, so a second time nothing is left to do.
    """
    address = email.strip().lower()
    found = {"digest": sealing.digest(tx.tenant_id, "email", address), "email": address}
    return len(await tx.rows(_ADOPT, {"customer_id": customer_id, **found}))
