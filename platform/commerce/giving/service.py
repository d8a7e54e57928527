"""Giving value away: counted against the limit of whoever does.

What somebody with a limit gives is summed and written down while nobody else gives in their name, so that two refunds
at once can't each be within a limit that they exceed together.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from commerce.policies.limits import Giver
from foundation import clock
from foundation.database import Tx, hot
from foundation.ids import new_id
from foundation.turns import in_turn

# ix_giving_giver for the day, ix_giving_order for the order.
_GIVEN = hot(
    text(
        """
        SELECT coalesce((SELECT sum(amount) FROM giving
                         WHERE tenant_id = :tenant_id AND order_id = CAST(:order_id AS uuid) AND giver = :giver
                           AND currency = :currency), 0)::bigint AS of_order,
               coalesce((SELECT sum(amount) FROM giving
                         WHERE tenant_id = :tenant_id AND giver = :giver AND currency = :currency
                           AND at >= date_trunc('day', CAST(:now AS timestamptz), coalesce(
                               (SELECT t.settings->>'zone' FROM tenant t WHERE t.id = :tenant_id), 'UTC'))),
                        0)::bigint AS today
        """
    )
)

_GIVE = hot(
    text(
        """
        INSERT INTO giving (tenant_id, id, giver, order_id, amount, currency, at)
        VALUES (:tenant_id, :id, :giver, CAST(:order_id AS uuid), :amount, :currency, CAST(:now AS timestamptz))
        """
    )
)


async def give(tx: Tx, giver: Giver, amount: int, currency: str, *, order_id: UUID | None = None) -> None:
    """Write down that somebody gives an amount (minor units) away, of an order or otherwise; nothing, if it is nothing.

    A day is one of the shop's: it begins at midnight in the zone that the shop is set up with.

    Raises:
        RefundTooMuch: it is more than they may give of one order, or today; the transaction has to be rolled back.
    """
    if amount <= 0:
        return
    asked = {"giver": giver.principal, "order_id": order_id, "currency": currency, "now": clock.now()}
    if giver.limits.refund(currency) is not None:
        await in_turn(tx, f"giving:{tx.tenant_id}:{giver.principal}", seed=35)
        row = await tx.one(_GIVEN, asked)
        if row is None:
            raise RuntimeError("an aggregate gave no row")
        giver.limits.require_refund(currency, amount, of_order=row["of_order"], today=row["today"])
    await tx.rows(_GIVE, {**asked, "id": new_id(), "amount": amount})
