"""What variants cost the shop, where somebody has said so."""

from __future__ import annotations

from collections.abc import Mapping
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

_KNOWN_OF_MANY = hot(
    text(
        """
        SELECT variant_id, amount FROM variant_cost
        WHERE tenant_id = :tenant_id AND variant_id = ANY(CAST(:variant_ids AS uuid[])) AND currency = :currency
        """
    )
)
_SAY_OF_MANY = hot(
    text(
        """
        WITH said AS (
            SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:variant_ids AS uuid[]), CAST(:amounts AS bigint[]))
                AS t (id, variant_id, amount)),
        gone AS (
            DELETE FROM variant_cost c USING said s
            WHERE c.tenant_id = :tenant_id AND c.variant_id = s.variant_id AND c.currency = :currency
              AND s.amount IS NULL)
        INSERT INTO variant_cost (tenant_id, id, variant_id, currency, amount)
        SELECT :tenant_id, id, variant_id, :currency, amount FROM said WHERE amount IS NOT NULL
        ON CONFLICT (tenant_id, variant_id, currency) DO UPDATE SET amount = excluded.amount
        """
    )
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


async def say_many(tx: Tx, amounts: Mapping[UUID, int | None], currency: str) -> set[UUID]:
    """Say what one of each of many variants costs the shop, `None` that nobody knows; gives those of which that was not
    so already.
    """
    if not amounts:
        return set()
    rows = await tx.rows(_KNOWN_OF_MANY, {"variant_ids": list(amounts), "currency": currency})
    before = {row["variant_id"]: row["amount"] for row in rows}
    changed = {one: amount for one, amount in amounts.items() if before.get(one) != amount}
    if changed:
        said = {"variant_ids": list(changed), "amounts": list(changed.values()), "ids": [new_id() for _ in changed]}
        await tx.rows(_SAY_OF_MANY, {**said, "currency": currency})
    return set(changed)
