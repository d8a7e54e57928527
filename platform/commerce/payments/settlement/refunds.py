"""Refunds: set aside, then given back, or failed and owed still."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from commerce.ledger import service as ledger
from commerce.payments.providers import Reimbursement
from commerce.payments.schemas import RefundOut
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Conflict
from foundation.events import PaymentRefunded, PaymentRefundFailed, record
from foundation.ids import new_id
from foundation.outbox import announce


class RefundExceedsCaptured(Conflict):
    """More was asked back than was captured and not yet refunded."""

    code = "payments.refund_exceeds_captured"

    amount: int
    refundable: int


@dataclass(frozen=True, slots=True)
class DueRefund:
    """A refund that an order's provider has to make."""

    order_id: UUID
    provider: str
    refund: Reimbursement
    made: bool
    """It was made as far as we know; a provider may say later that it failed."""


_REFUNDABLE = hot(
    text(
        """
        SELECT id, amount - spared - refunded - disputed AS refundable, currency FROM payment
        WHERE tenant_id = :tenant_id AND order_id = :order_id AND status = 'captured'
          AND refunded + disputed < amount - spared
        ORDER BY created_at, id FOR UPDATE
        """
    )
)

_SET_ASIDE = hot(
    text(
        """
        WITH aside AS (
            UPDATE payment SET refunded = refunded + CAST(:amount AS bigint)
            WHERE tenant_id = :tenant_id AND id = :payment_id
              AND amount - spared - refunded - disputed >= CAST(:amount AS bigint)
            RETURNING tenant_id, id, order_id, currency)
        INSERT INTO refund (tenant_id, id, payment_id, order_id, amount, currency, provider, reason, created_at,
                            updated_at)
        SELECT tenant_id, CAST(:refund_id AS uuid), id, order_id, CAST(:amount AS bigint), currency,
               CAST(:provider AS text), CAST(:reason AS text), CAST(:now AS timestamptz), CAST(:now AS timestamptz)
        FROM aside
        """
    )
)

_REFUND = hot(
    text(
        """
        SELECT r.id, r.order_id, r.payment_id, coalesce(r.provider, p.provider) AS provider, p.provider_reference,
               r.amount, r.currency, o.customer_id, r.status
        FROM refund r JOIN payment p ON p.tenant_id = r.tenant_id AND p.id = r.payment_id
        JOIN orders o ON o.tenant_id = r.tenant_id AND o.id = r.order_id
        WHERE r.tenant_id = :tenant_id AND r.id = :refund_id AND r.status IN ('started', 'succeeded')
        """
    )
)

_SUCCEEDED = hot(
    text(
        """
        UPDATE refund r
        SET status = 'succeeded', provider_reference = :reference, updated_at = CAST(:now AS timestamptz)
        FROM payment p
        WHERE r.tenant_id = :tenant_id AND r.id = :refund_id AND r.status = 'started'
          AND p.tenant_id = r.tenant_id AND p.id = r.payment_id
        RETURNING r.id, r.payment_id, r.order_id, r.amount, r.currency, coalesce(r.provider, p.provider) AS provider
        """
    )
)

# What could not be given back, or came back, can be given back again.
_FAILED = hot(
    text(
        """
        WITH was AS (
            SELECT id, status FROM refund
            WHERE tenant_id = :tenant_id AND id = :refund_id AND status IN ('started', 'succeeded') FOR UPDATE),
        failed AS (
            UPDATE refund r SET status = 'failed', failure = :failure, updated_at = CAST(:now AS timestamptz)
            FROM was WHERE r.tenant_id = :tenant_id AND r.id = was.id AND r.status = was.status
            RETURNING r.payment_id, r.order_id, r.amount, r.currency, r.provider, was.status = 'succeeded' AS was_made)
        UPDATE payment p SET refunded = p.refunded - f.amount FROM failed f
        WHERE p.tenant_id = :tenant_id AND p.id = f.payment_id
        RETURNING p.id AS payment_id, f.order_id, f.amount, f.currency, f.was_made,
                  coalesce(f.provider, p.provider) AS provider
        """
    )
)

# ix_refund_order
_REFUNDS = hot(
    text(
        """
        SELECT id, payment_id, amount, currency, status, reason, failure, created_at FROM refund
        WHERE tenant_id = :tenant_id AND order_id = :order_id ORDER BY id
        """
    )
)


async def start_refunds(tx: Tx, order_id: UUID, amount: int, *, reason: str, to: str | None = None) -> None:
    """Set an amount of an order's captured payments aside to be given back, the oldest payment first.

    It goes back by the provider that took it, unless another is named.

    Raises:
        RefundExceedsCaptured: there is not so much left of them; nothing is set aside.
    """
    payments = await tx.rows(_REFUNDABLE, {"order_id": order_id})
    refundable = sum(payment["refundable"] for payment in payments)
    if amount > refundable:
        raise RefundExceedsCaptured(amount=amount, refundable=refundable)
    for payment in payments:
        part = min(amount, payment["refundable"])
        amount -= part
        if part:
            values = {"payment_id": payment["id"], "refund_id": new_id(), "amount": part, "reason": reason}
            await tx.rows(_SET_ASIDE, {**values, "provider": to, "now": clock.now()})


async def refund_of(tx: Tx, refund_id: UUID) -> DueRefund | None:
    """A refund that its provider has to make or says it has made; `None` when it failed, or there is none."""
    row = await tx.one(_REFUND, {"refund_id": refund_id})
    if row is None:
        return None
    refund = Reimbursement(
        tenant_id=tx.tenant_id,
        refund_id=row["id"],
        payment_id=row["payment_id"],
        reference=row["provider_reference"] or "",
        amount=row["amount"],
        currency=row["currency"],
        customer_id=row["customer_id"],
    )
    return DueRefund(row["order_id"], row["provider"], refund, made=row["status"] == "succeeded")


async def refunded(tx: Tx, refund_id: UUID, reference: str) -> bool:
    """The money went back: post it and tell. `False` when that has been done."""
    row = await tx.one(_SUCCEEDED, {"refund_id": refund_id, "reference": reference, "now": clock.now()})
    if row is None:
        return False
    amount, account = row["amount"], f"provider:{row['provider']}"
    await ledger.post(
        tx, currency=row["currency"], reference_id=refund_id, amounts={"refunds": amount, account: -amount}
    )
    said = PaymentRefunded(
        refund_id=refund_id,
        payment_id=row["payment_id"],
        order_id=row["order_id"],
        provider=row["provider"],
        amount=amount,
        currency=row["currency"],
    )
    await announce(tx, [record(said, tenant_id=tx.tenant_id, aggregate_id=row["order_id"])])
    return True


async def refund_failed(tx: Tx, refund_id: UUID, failure: str) -> bool:
    """The provider won't, or what it had made came back: the amount is owed still. `False` when that was known.

    What had been posted is posted back.
    """
    row = await tx.one(_FAILED, {"refund_id": refund_id, "failure": failure, "now": clock.now()})
    if row is None:
        return False
    amount, account = row["amount"], f"provider:{row['provider']}"
    if row["was_made"]:
        sides = {account: amount, "refunds": -amount}
        await ledger.post(tx, currency=row["currency"], reference_id=refund_id, amounts=sides)
    said = PaymentRefundFailed(
        refund_id=refund_id,
        payment_id=row["payment_id"],
        order_id=row["order_id"],
        provider=row["provider"],
        amount=amount,
        currency=row["currency"],
        reason=failure,
    )
    await announce(tx, [record(said, tenant_id=tx.tenant_id, aggregate_id=row["order_id"])])
    return True


async def refunds_of(tx: Tx, order_id: UUID) -> list[RefundOut]:
    """An order's refunds, whatever became of them, the oldest first."""
    return [RefundOut.model_validate(dict(row)) for row in await tx.rows(_REFUNDS, {"order_id": order_id})]
