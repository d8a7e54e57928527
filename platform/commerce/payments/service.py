"""What became of payments: those of an order, and the refusals a shopper is told of."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from commerce.payments.attempts import Attempt
from commerce.payments.schemas import ActionOut, PaymentOut, Waiting
from foundation.database import Tx, hot
from foundation.errors import Problem


class PaymentWasRefused(Problem):
    """The payment provider refused; the cart is as it was."""

    status = 402
    code = "payments.refused"

    reason: str


# ix_payment_order
_OF_ORDER = hot(
    text(
        """
        SELECT id, provider, provider_reference, status, amount, refusal, fee, disputed, spared, due_on, currency,
               created_at
        FROM payment
        WHERE tenant_id = :tenant_id AND order_id = :order_id ORDER BY created_at, id
        """
    )
)


async def of_order(tx: Tx, order_id: UUID) -> list[PaymentOut]:
    """The payments that became an order, oldest first."""
    return [PaymentOut.model_validate(dict(row)) for row in await tx.rows(_OF_ORDER, {"order_id": order_id})]


def waiting(attempt: Attempt) -> Waiting:
    """What the shopper has to do before an attempt can be ended."""
    return Waiting(
        attempt_id=attempt.id,
        payments=[
            ActionOut(id=part.id, provider=part.provider, action_url=part.action_url)
            for part in attempt.parts
            if part.action_url is not None
        ],
    )
