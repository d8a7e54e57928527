"""What variants cost the shop, where somebody has said so."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from commerce.pricing.schemas import CostIn, CostOut
from foundation.database import Tx, hot
from foundation.ids import new_id

# uq_variant_cost
_KNOWN = hot(
    text(
        """
        SELECT currency, amount FROM variant_cost
        WHERE tenant_id = :tenant_id AND variant_id = :variant_id ORDER BY currency
        """
    )
)
_SAY = hot(
    text(
        """
        INSERT INTO variant_cost (tenant_id, id, variant_id, currency, amount)
        VALUES (:tenant_id, :id, :variant_id, :currency, CAST(:amount AS bigint))
        ON CONFLICT (tenant_id, variant_id, currency) DO UPDATE SET amount = excluded.amount
        """
    )
)
_FORGET = hot(
    text("DELETE FROM variant_cost WHERE tenant_id = :tenant_id AND variant_id = :variant_id AND currency = :currency")
)


async def known(tx: Tx, variant_id: UUID) -> list[CostOut]:
    """What one of a variant costs the shop, by currency."""
    return [CostOut.model_validate(dict(row)) for row in await tx.rows(_KNOWN, {"variant_id": variant_id})]


async def say(tx: Tx, variant_id: UUID, cost: CostIn) -> None:
    """Say what one of a variant costs the shop in a currency, or that nobody knows."""
    which = {"variant_id": variant_id, "currency": cost.currency}
    if cost.amount is None:
        await tx.rows(_FORGET, which)
    else:
        await tx.rows(_SAY, {**which, "id": new_id(), "amount": cost.amount})
