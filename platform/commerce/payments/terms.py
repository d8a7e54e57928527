"""Who may pay after the goods, and how long they have: everybody, or a customer by name."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from commerce.payments.schemas import TermsOut
from foundation.database import Tx, hot
from foundation.errors import NotFound
from foundation.ids import new_id


class CustomerNotFound(NotFound):
    """The shop has no such customer."""

    code = "payments.customer_not_found"


# uq_payment_terms
_DAYS = hot(
    text(
        """
        SELECT days FROM payment_terms
        WHERE tenant_id = :tenant_id AND provider = :provider
          AND (customer_id IS NULL OR customer_id = CAST(:customer_id AS uuid))
        ORDER BY customer_id NULLS LAST LIMIT 1
        """
    )
)

_ALLOW = hot(
    text(
        """
        INSERT INTO payment_terms (tenant_id, id, provider, customer_id, days)
        SELECT :tenant_id, :id, :provider, CAST(:customer_id AS uuid), :days
        WHERE CAST(:customer_id AS uuid) IS NULL
           OR EXISTS (SELECT FROM customer WHERE tenant_id = :tenant_id AND id = CAST(:customer_id AS uuid))
        ON CONFLICT (tenant_id, provider, customer_id) DO UPDATE SET days = excluded.days
        RETURNING id
        """
    )
)

_FORBID = hot(
    text(
        """
        DELETE FROM payment_terms
        WHERE tenant_id = :tenant_id AND provider = :provider
          AND customer_id IS NOT DISTINCT FROM CAST(:customer_id AS uuid)
        """
    )
)

_LIST = hot(
    text(
        """
        SELECT provider, customer_id, days FROM payment_terms WHERE tenant_id = :tenant_id
        ORDER BY provider, customer_id NULLS FIRST LIMIT :limit
        """
    )
)


async def days(tx: Tx, provider: str, customer_id: UUID | None) -> int | None:
    """How many days a customer has to pay so; `None` when they may not."""
    row = await tx.one(_DAYS, {"provider": provider, "customer_id": customer_id})
    return row["days"] if row else None


async def allow(tx: Tx, provider: str, customer_id: UUID | None, days: int) -> None:
    """Let a customer, or everybody, pay so within so many days.

    Raises:
        CustomerNotFound.
    """
    values = {"id": new_id(), "provider": provider, "customer_id": customer_id, "days": days}
    if not await tx.rows(_ALLOW, values):
        raise CustomerNotFound


async def forbid(tx: Tx, provider: str, customer_id: UUID | None) -> None:
    """Let them pay so no more; orders that stand are not touched."""
    await tx.rows(_FORBID, {"provider": provider, "customer_id": customer_id})


async def all_terms(tx: Tx, *, limit: int = 1000) -> list[TermsOut]:
    """Everybody who may pay after the goods."""
    return [TermsOut.model_validate(dict(row)) for row in await tx.rows(_LIST, {"limit": limit})]
