"""Payments until there is an order: started -> authorised, or refused, or cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from commerce.payments.models import Payment
from foundation import clock
from foundation.errors import Problem
from foundation.events import Context, PaymentRefused, record
from foundation.ids import new_id
from foundation.outbox import publish


class PaymentWasRefused(Problem):
    """The payment provider refused; the cart is as it was."""

    status = 402
    code = "payments.refused"

    reason: str


async def start(
    session: AsyncSession, tenant_id: UUID, *, cart_id: UUID, provider: str, amount: int, currency: str
) -> Payment:
    """A new attempt to pay for a cart."""
    payment = Payment(
        tenant_id=tenant_id,
        id=new_id(),
        cart_id=cart_id,
        provider=provider,
        status="started",
        amount=amount,
        currency=currency,
        updated_at=clock.now(),
    )
    session.add(payment)
    await session.flush()
    return payment


async def locked(session: AsyncSession, tenant_id: UUID, payment_id: UUID) -> Payment:
    """The payment, held against everyone else until the transaction ends."""
    return await session.get_one(Payment, (tenant_id, payment_id), with_for_update=True)


async def refused(session: AsyncSession, payment: Payment, reason: str, context: Context) -> None:
    """The provider said no."""
    _become(payment, "refused")
    payment.refusal = reason
    said = PaymentRefused(payment_id=payment.id, cart_id=payment.cart_id, provider=payment.provider, reason=reason)
    await publish(session, [record(said, tenant_id=payment.tenant_id, aggregate_id=payment.cart_id, context=context)])


def authorised(payment: Payment, reference: str, order_id: UUID) -> None:
    """The provider holds the money, and the order stands."""
    _become(payment, "authorised")
    payment.provider_reference, payment.order_id = reference, order_id


def cancelled(payment: Payment) -> None:
    """The attempt came to nothing."""
    _become(payment, "cancelled")


async def stuck(session: AsyncSession, *, older_than: timedelta, limit: int = 50) -> Sequence[Payment]:
    """Payments that started and never came to be authorised or refused, oldest first."""
    return (
        await session.scalars(
            select(Payment)
            .where(Payment.status == "started", Payment.updated_at < clock.now() - older_than)
            .order_by(Payment.updated_at)
            .limit(limit)
        )
    ).all()


async def of_order(session: AsyncSession, order_id: UUID) -> Sequence[Payment]:
    """The payments that became an order, oldest first."""
    return (
        await session.scalars(select(Payment).where(Payment.order_id == order_id).order_by(Payment.created_at))
    ).all()


def _become(payment: Payment, status: str) -> None:
    payment.status = status
    payment.updated_at = clock.now()
