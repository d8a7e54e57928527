"""Payments until there is an order: started -> authorised, refused or cancelled. A step is one conditional UPDATE."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from commerce.payments.providers import Charge
from commerce.payments.schemas import PaymentOut
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Problem
from foundation.events import Context, PaymentRefused, record
from foundation.ids import new_id
from foundation.outbox import announce


class PaymentWasRefused(Problem):
    """The payment provider refused; the cart is as it was."""

    status = 402
    code = "payments.refused"

    reason: str


_START = hot(
    text(
        """
        INSERT INTO payment (tenant_id, id, cart_id, provider, status, amount, currency, updated_at)
        VALUES (:tenant_id, :id, :cart_id, :provider, 'started', :amount, :currency, CAST(:now AS timestamptz))
        """
    )
)

_AUTHORISED = hot(
    text(
        """
        UPDATE payment SET status = 'authorised', provider_reference = :reference, order_id = :order_id,
                           updated_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :payment_id AND status = 'started' RETURNING id
        """
    )
)

_REFUSED = hot(
    text(
        """
        UPDATE payment SET status = 'refused', refusal = :reason, updated_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :payment_id AND status = 'started' RETURNING cart_id, provider
        """
    )
)

_CANCELLED = hot(
    text(
        """
        UPDATE payment SET status = 'cancelled', updated_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :payment_id AND status = 'started' RETURNING cart_id
        """
    )
)

# ix_payment_unfinished
_STUCK = hot(
    text(
        """
        SELECT id, provider, provider_reference, amount, currency FROM payment
        WHERE tenant_id = :tenant_id AND status = 'started' AND updated_at < CAST(:before AS timestamptz)
        ORDER BY updated_at LIMIT :limit
        """
    )
)

# ix_payment_order
_OF_ORDER = hot(
    text(
        """
        SELECT id, provider, provider_reference, status, amount, currency, created_at FROM payment
        WHERE tenant_id = :tenant_id AND order_id = :order_id ORDER BY created_at, id
        """
    )
)


async def start(tx: Tx, *, cart_id: UUID, provider: str, amount: int, currency: str) -> UUID:
    """A new attempt to pay for a cart: its id."""
    payment_id = new_id()
    values = {"id": payment_id, "cart_id": cart_id, "provider": provider, "amount": amount, "currency": currency}
    await tx.rows(_START, {**values, "now": clock.now()})
    return payment_id


async def authorised(tx: Tx, payment_id: UUID, reference: str, order_id: UUID) -> bool:
    """The provider holds the money, and the order stands; `False` when the attempt is over."""
    values = {"payment_id": payment_id, "reference": reference, "order_id": order_id, "now": clock.now()}
    return await tx.one(_AUTHORISED, values) is not None


async def refused(tx: Tx, payment_id: UUID, reason: str, context: Context) -> UUID | None:
    """The provider said no: the cart that was to be paid, or `None` when the attempt is over."""
    row = await tx.one(_REFUSED, {"payment_id": payment_id, "reason": reason, "now": clock.now()})
    if row is None:
        return None
    cart_id: UUID = row["cart_id"]
    said = PaymentRefused(payment_id=payment_id, cart_id=cart_id, provider=row["provider"], reason=reason)
    await announce(tx, [record(said, tenant_id=tx.tenant_id, aggregate_id=cart_id, context=context)])
    return cart_id


async def cancelled(tx: Tx, payment_id: UUID) -> UUID | None:
    """The attempt came to nothing: the cart that was to be paid, or `None` when the attempt is over."""
    row = await tx.one(_CANCELLED, {"payment_id": payment_id, "now": clock.now()})
    return row["cart_id"] if row else None


async def stuck(tx: Tx, *, older_than: timedelta, limit: int = 50) -> Sequence[tuple[Charge, str]]:
    """Payments that started and never came to be authorised or refused, with their providers, oldest first."""
    rows = await tx.rows(_STUCK, {"before": clock.now() - older_than, "limit": limit})
    return [
        (
            Charge(
                tenant_id=tx.tenant_id,
                payment_id=row["id"],
                amount=row["amount"],
                currency=row["currency"],
                reference=row["provider_reference"],
            ),
            row["provider"],
        )
        for row in rows
    ]


async def of_order(tx: Tx, order_id: UUID) -> list[PaymentOut]:
    """The payments that became an order, oldest first."""
    return [PaymentOut.model_validate(dict(row)) for row in await tx.rows(_OF_ORDER, {"order_id": order_id})]
