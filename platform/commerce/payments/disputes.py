"""Money that cardholders take back through their bank: gone when a dispute is opened, back when it is won.

Whoever calls holds the order's row. A payment keeps aside what is disputed of it, so it can't be refunded as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text

from commerce.ledger import service as ledger
from commerce.payments.providers import ProviderEvent
from commerce.payments.schemas import DisputeOut
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound
from foundation.events import DisputeClosed, PaymentDisputed, record
from foundation.ids import new_id
from foundation.outbox import announce
from foundation.veil import Personal

Outcome = Literal["won", "lost"]


class DisputeNotFound(NotFound):
    """There is no such dispute."""

    code = "payments.dispute_not_found"


class DisputeOver(Conflict):
    """The bank has decided already."""

    code = "payments.dispute_over"


@dataclass(frozen=True, slots=True)
class Contested:
    """A dispute as its provider is told about it."""

    id: UUID
    order_id: UUID
    provider: str
    reference: str
    amount: int


# uq_dispute_reference
_OPEN = hot(
    text(
        """
        WITH paid AS (
            SELECT id, order_id, least(amount - spared - refunded - disputed, CAST(:amount AS bigint)) AS kept
            FROM payment
            WHERE tenant_id = :tenant_id AND id = :payment_id AND order_id = :order_id AND status = 'captured'
            FOR UPDATE),
        opened AS (
            INSERT INTO dispute (tenant_id, id, payment_id, order_id, provider, reference, amount, kept, currency, fee,
                                 reason, opened_at)
            SELECT :tenant_id, :id, id, order_id, :provider, :reference, CAST(:amount AS bigint), kept, :currency,
                   CAST(:fee AS bigint), :reason, CAST(:at AS timestamptz) FROM paid
            ON CONFLICT (tenant_id, provider, reference) DO NOTHING
            RETURNING payment_id, kept)
        UPDATE payment p SET disputed = p.disputed + opened.kept FROM opened
        WHERE p.tenant_id = :tenant_id AND p.id = opened.payment_id RETURNING p.id
        """
    )
)

_CLOSE = hot(
    text(
        """
        WITH closed AS (
            UPDATE dispute SET status = CAST(:status AS text), closed_at = CAST(:now AS timestamptz)
            WHERE tenant_id = :tenant_id AND provider = :provider AND reference = :reference AND status = 'opened'
            RETURNING id, payment_id, order_id, amount, kept, currency)
        UPDATE payment p SET disputed = p.disputed - CASE WHEN CAST(:status AS text) = 'won' THEN c.kept ELSE 0 END
        FROM closed c WHERE p.tenant_id = :tenant_id AND p.id = c.payment_id
        RETURNING c.id, c.payment_id, c.order_id, c.amount, c.currency
        """
    )
)

_ORDER = hot(
    text(
        """
        SELECT order_id, status FROM dispute
        WHERE tenant_id = :tenant_id AND provider = :provider AND reference = :reference
        """
    )
)

# ix_dispute_order
_OF_ORDER = hot(text("SELECT id FROM dispute WHERE tenant_id = :tenant_id AND order_id = :order_id ORDER BY id"))

_CONTEST = hot(
    text(
        """
        UPDATE dispute SET evidence = :evidence, contested_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :id AND status = 'opened'
        """
    )
)

_ONE = hot(
    text(
        """
        SELECT id, order_id, provider, reference, amount, status FROM dispute
        WHERE tenant_id = :tenant_id AND id = :id
        """
    )
)

# The primary key, or ix_dispute_status.
_PAGE = hot(
    text(
        """
        SELECT id, payment_id, order_id, provider, reference, status, amount, currency, fee, reason, evidence,
               opened_at, contested_at, closed_at
        FROM dispute
        WHERE tenant_id = :tenant_id AND (CAST(:status AS text) IS NULL OR status = CAST(:status AS text))
          AND (CAST(:after AS uuid) IS NULL OR id < CAST(:after AS uuid))
        ORDER BY id DESC LIMIT :limit
        """
    )
)


async def opened(tx: Tx, provider: str, event: ProviderEvent, *, order_id: UUID, payment_id: UUID) -> bool:
    """The bank has taken the money back: post it and tell. `False` when that was known."""
    dispute_id = new_id()
    values: Mapping[str, Any] = {
        "id": dispute_id,
        "payment_id": payment_id,
        "order_id": order_id,
        "provider": provider,
        "reference": event.dispute_reference,
        "amount": event.amount,
        "currency": event.currency,
        "fee": event.fee,
        "reason": event.reason,
        "at": event.occurred_at,
    }
    if not await tx.rows(_OPEN, values):
        return False
    sides = {
        "disputes": event.amount,
        f"provider:{provider}": -event.amount,
        "fees": event.fee,
        f"accrued_fees:{provider}": -event.fee,
    }
    await ledger.post(tx, currency=event.currency, reference_id=dispute_id, amounts=sides)
    said = PaymentDisputed(
        dispute_id=dispute_id,
        payment_id=payment_id,
        order_id=order_id,
        provider=provider,
        amount=event.amount,
        currency=event.currency,
        reason=event.reason or "unknown",
    )
    await announce(tx, [record(said, tenant_id=tx.tenant_id, aggregate_id=order_id)])
    return True


async def closed(tx: Tx, provider: str, reference: str, outcome: Outcome) -> bool:
    """The bank has decided: the money comes back, or is lost for good. `False` when that was known."""
    values = {"provider": provider, "reference": reference, "status": outcome, "now": clock.now()}
    row = await tx.one(_CLOSE, values)
    if row is None:
        return False
    goes_to = f"provider:{provider}" if outcome == "won" else "chargebacks"
    sides = {goes_to: row["amount"], "disputes": -row["amount"]}
    await ledger.post(tx, currency=row["currency"], reference_id=row["id"], amounts=sides)
    said = DisputeClosed(
        dispute_id=row["id"],
        payment_id=row["payment_id"],
        order_id=row["order_id"],
        outcome=outcome,
        amount=row["amount"],
        currency=row["currency"],
    )
    await announce(tx, [record(said, tenant_id=tx.tenant_id, aggregate_id=row["order_id"])])
    return True


async def order_of(tx: Tx, provider: str, reference: str) -> UUID:
    """The order whose payment is disputed.

    Raises:
        DisputeNotFound: nobody has told of it being opened.
    """
    row = await tx.one(_ORDER, {"provider": provider, "reference": reference})
    if row is None:
        raise DisputeNotFound
    order_id: UUID = row["order_id"]
    return order_id


async def ids_of(tx: Tx, order_id: UUID) -> list[UUID]:
    """The disputes about an order's payments."""
    return [row["id"] for row in await tx.rows(_OF_ORDER, {"order_id": order_id})]


async def to_contest(tx: Tx, dispute_id: UUID) -> Contested:
    """A dispute that can be contested.

    Raises:
        DisputeNotFound, DisputeOver.
    """
    row = await tx.one(_ONE, {"id": dispute_id})
    if row is None:
        raise DisputeNotFound
    if row["status"] != "opened":
        raise DisputeOver
    return Contested(row["id"], row["order_id"], row["provider"], row["reference"], row["amount"])


async def contested(tx: Tx, dispute_id: UUID, evidence: str) -> None:
    """Keep what was said."""
    await tx.rows(_CONTEST, {"id": dispute_id, "evidence": Personal(dispute_id, evidence), "now": clock.now()})


async def page(tx: Tx, *, status: str | None, after: UUID | None, limit: int) -> list[DisputeOut]:
    """The disputes there are, the last first, after the one named."""
    rows = await tx.rows(_PAGE, {"status": status, "after": after, "limit": limit})
    return [DisputeOut.model_validate(dict(row)) for row in rows]
