"""The money of an order: capturing -> captured, or voiding -> voided, and refunds.

Each step is one conditional UPDATE, so of two that contend one wins and the other finds nothing to do. The step before
a provider is called and the one after are transactions of their own; whoever makes the one after holds the order's row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

import asyncpg
from sqlalchemy import text

from commerce.ledger import service as ledger
from commerce.payments.providers import Charge, Reimbursement
from commerce.payments.schemas import RefundOut
from foundation import clock
from foundation.database import HotStatement, Tx, hot
from foundation.errors import Conflict
from foundation.events import PaymentCaptured, PaymentCaptureFailed, PaymentRefunded, PaymentRefundFailed, record
from foundation.ids import new_id
from foundation.outbox import announce


class RefundExceedsCaptured(Conflict):
    """More was asked back than was captured and not yet refunded."""

    code = "payments.refund_exceeds_captured"

    amount: int
    refundable: int


class NothingDue(Conflict):
    """No money is to come of this payment."""

    code = "payments.nothing_due"


class MoreThanDue(Conflict):
    """More was collected than is to come of this payment; what is too much is not the order's."""

    code = "payments.more_than_due"

    amount: int
    due: int


@dataclass(frozen=True, slots=True)
class Balance:
    """An order's money, in minor units but for the counts of payments."""

    payments: int
    """How many there are, whatever became of them."""
    held: int
    """How many are authorised and not captured yet."""
    failed: int
    """How many could not be captured for good."""
    failing: int
    """What is to come yet in their place."""
    taken: int
    """How many are captured."""
    captured: int
    due: int
    """What is to come yet of payments whose goods go before the money."""
    spared: int
    """What of these need not come any more."""
    set_aside: int
    """What refunds that have started or succeeded give back."""
    disputed: int
    """What cardholders have taken back, or try to."""
    refunded: int

    @property
    def refundable(self) -> int:
        """What can still be given back."""
        return self.captured - self.set_aside - self.disputed


@dataclass(frozen=True, slots=True)
class Due:
    """A call that a provider has to answer: for which order, at which provider, and what is asked."""

    order_id: UUID | None
    """`None` when the attempt to pay came to no order; it has nothing to be captured then."""
    provider: str
    charge: Charge


@dataclass(frozen=True, slots=True)
class DueRefund:
    """A refund that an order's provider has to make."""

    order_id: UUID
    provider: str
    refund: Reimbursement
    made: bool
    """It was made as far as we know; a provider may say later that it failed."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A call to a provider that has to be made, or made again."""

    kind: Literal["capture", "void", "refund"]
    id: UUID
    """The payment's, or the refund's."""


# ix_payment_order and ix_refund_order
BALANCE = """
    SELECT count(*) AS payments,
           count(*) FILTER (WHERE status IN ('authorised', 'capturing')) AS held,
           count(*) FILTER (WHERE status = 'capture_failed') AS failed,
           coalesce(sum(amount - spared) FILTER (WHERE status = 'capture_failed'), 0)::bigint AS failing,
           count(*) FILTER (WHERE status = 'captured') AS taken,
           coalesce(sum(amount - spared) FILTER (WHERE status = 'captured'), 0)::bigint AS captured,
           coalesce(sum(amount - spared) FILTER (WHERE status = 'due'), 0)::bigint AS due,
           coalesce(sum(spared), 0)::bigint AS spared,
           coalesce(sum(refunded), 0)::bigint AS set_aside,
           coalesce(sum(disputed), 0)::bigint AS disputed,
           (SELECT coalesce(sum(amount), 0)::bigint FROM refund
            WHERE tenant_id = :tenant_id AND order_id = :order_id AND status = 'succeeded') AS refunded
    FROM payment WHERE tenant_id = :tenant_id AND order_id = :order_id
"""
"""The columns of a `Balance`, for an `:order_id`."""
_BALANCE = hot(text(BALANCE))


def _step(before: str, after: str) -> HotStatement:
    return hot(
        text(
            f"""
            UPDATE payment SET status = '{after}', updated_at = CAST(:now AS timestamptz)
            WHERE tenant_id = :tenant_id AND id = :payment_id AND status IN ({before})
            RETURNING id, order_id, provider, provider_reference, amount - spared AS amount, currency
            """  # noqa: S608  (the states are literals of this module)
        )
    )


_CAPTURING = _step("'authorised', 'capturing'", "capturing")
_CAPTURED = hot(
    text(
        """
        UPDATE payment SET status = 'captured', fee = CAST(:fee AS bigint), updated_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :payment_id AND status = 'capturing'
        RETURNING order_id, provider, amount - spared AS amount, currency
        """
    )
)
_CAPTURE_FAILED = hot(
    text(
        """
        UPDATE payment SET status = 'capture_failed', refusal = CAST(:reason AS text),
                           updated_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :payment_id AND status = 'capturing'
        RETURNING order_id, provider, amount - spared AS amount, currency
        """
    )
)
_COLLECTING = hot(
    text(
        """
        UPDATE payment SET status = 'capturing', updated_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :payment_id AND order_id = :order_id AND status = 'due' RETURNING id
        """
    )
)
_DUE_OF = hot(
    text(
        """
        SELECT amount - spared AS due FROM payment
        WHERE tenant_id = :tenant_id AND id = :payment_id AND order_id = :order_id AND status = 'due' FOR UPDATE
        """
    )
)

# What has come is a payment of its own from then on, so it is booked, told and given back like any other.
_COLLECTING_PART = hot(
    text(
        """
        WITH due AS (
            UPDATE payment SET amount = amount - CAST(:amount AS bigint), updated_at = CAST(:now AS timestamptz)
            WHERE tenant_id = :tenant_id AND id = :payment_id AND order_id = :order_id AND status = 'due'
              AND amount - spared > CAST(:amount AS bigint)
            RETURNING tenant_id, attempt_id, cart_id, order_id, provider, provider_reference, due_on, currency,
                      created_at)
        INSERT INTO payment (tenant_id, id, attempt_id, cart_id, order_id, provider, provider_reference, status, amount,
                             due_on, currency, created_at, updated_at)
        SELECT tenant_id, CAST(:part_id AS uuid), attempt_id, cart_id, order_id, provider, provider_reference,
               'capturing', CAST(:amount AS bigint), due_on, currency, created_at, CAST(:now AS timestamptz)
        FROM due RETURNING id
        """
    )
)
_VOIDED = _step("'voiding'", "voided")

_VOIDING = hot(
    text(
        """
        UPDATE payment SET status = 'voiding', updated_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND order_id = :order_id AND status IN ('authorised', 'due', 'capture_failed')
        """
    )
)

_DUE_PAYMENTS = hot(
    text(
        """
        SELECT id, amount - spared AS due FROM payment
        WHERE tenant_id = :tenant_id AND order_id = :order_id AND status IN ('due', 'capture_failed')
        ORDER BY created_at, id FOR UPDATE
        """
    )
)

_REPLACE = hot(
    text(
        """
        UPDATE payment SET status = 'replaced', updated_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND order_id = :order_id AND status = 'capture_failed'
        """
    )
)

# Of what nothing is to come any more nothing is to be collected.
_SPARE = hot(
    text(
        """
        UPDATE payment SET spared = spared + CAST(:amount AS bigint), updated_at = CAST(:now AS timestamptz),
                           status = CASE WHEN amount - spared = CAST(:amount AS bigint) THEN 'voiding' ELSE status END
        WHERE tenant_id = :tenant_id AND id = :payment_id AND status IN ('due', 'capture_failed')
          AND amount - spared >= CAST(:amount AS bigint)
        """
    )
)

_VOID_AGAIN = hot(
    text(
        """
        UPDATE payment SET status = 'voiding', provider_reference = :reference, updated_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :payment_id AND order_id IS NULL AND status IN ('voiding', 'voided')
        """
    )
)

_TO_VOID = hot(
    text(
        """
        SELECT id, order_id, provider, provider_reference, amount, currency FROM payment
        WHERE tenant_id = :tenant_id AND id = :payment_id AND status = 'voiding'
        """
    )
)

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

_PENDING = hot(
    text(
        """
        SELECT CASE status WHEN 'voiding' THEN 'void' ELSE 'capture' END AS kind, id FROM payment
        WHERE tenant_id = :tenant_id AND order_id = :order_id AND status IN ('authorised', 'capturing', 'voiding')
        UNION ALL
        SELECT 'refund', id FROM refund
        WHERE tenant_id = :tenant_id AND order_id = :order_id AND status = 'started'
        """
    )
)

# ix_payment_unfinished and ix_refund_unfinished
_LEFT = hot(
    text(
        """
        (SELECT CASE status WHEN 'voiding' THEN 'void' ELSE 'capture' END AS kind, id FROM payment
         WHERE tenant_id = :tenant_id AND status IN ('authorised', 'capturing', 'voiding')
           AND (status = 'voiding' OR order_id IS NOT NULL) AND updated_at < CAST(:before AS timestamptz)
         ORDER BY updated_at LIMIT :limit)
        UNION ALL
        (SELECT 'refund', id FROM refund
         WHERE tenant_id = :tenant_id AND status = 'started' AND updated_at < CAST(:before AS timestamptz)
         ORDER BY updated_at LIMIT :limit)
        """
    )
)


async def balance(tx: Tx, order_id: UUID) -> Balance:
    """What was taken for an order and what went back."""
    row = await tx.one(_BALANCE, {"order_id": order_id})
    if row is None:
        raise RuntimeError("an aggregate gave no row")
    return Balance(**row)


async def begin_capture(tx: Tx, payment_id: UUID) -> Due | None:
    """From here on it can't be voided; `None` when there is nothing to capture."""
    return _due(tx, await tx.one(_CAPTURING, {"payment_id": payment_id, "now": clock.now()}))


async def captured(tx: Tx, payment_id: UUID, *, fee: int = 0) -> bool:
    """The money is ours, and what the provider will keep of it is a debt: post it and tell. `False` when that was done.

    The provider owes all of it until its report settles it, fee and all.
    """
    row = await tx.one(_CAPTURED, {"payment_id": payment_id, "fee": fee, "now": clock.now()})
    if row is None:
        return False
    amount, account = row["amount"], f"provider:{row['provider']}"
    sides = {account: amount, "sales": -amount, "fees": fee, f"accrued_fees:{row['provider']}": -fee}
    await ledger.post(tx, currency=row["currency"], reference_id=payment_id, amounts=sides)
    said = PaymentCaptured(
        payment_id=payment_id,
        order_id=row["order_id"],
        provider=row["provider"],
        amount=amount,
        currency=row["currency"],
    )
    await announce(tx, [record(said, tenant_id=tx.tenant_id, aggregate_id=row["order_id"])])
    return True


async def capture_failed(tx: Tx, payment_id: UUID, reason: str) -> bool:
    """The provider holds the money no more and will never capture it. `False` when that was known."""
    row = await tx.one(_CAPTURE_FAILED, {"payment_id": payment_id, "reason": reason, "now": clock.now()})
    if row is None:
        return False
    said = PaymentCaptureFailed(
        payment_id=payment_id,
        order_id=row["order_id"],
        provider=row["provider"],
        amount=row["amount"],
        currency=row["currency"],
        reason=reason,
    )
    await announce(tx, [record(said, tenant_id=tx.tenant_id, aggregate_id=row["order_id"])])
    return True


async def begin_collect(tx: Tx, order_id: UUID, payment_id: UUID, amount: int | None = None) -> tuple[UUID, int]:
    """Money of a payment whose goods went before it has come: all that is due, or a part, which is a payment by itself
    then. Gives the payment that came, and its amount.

    Raises:
        NothingDue: the payment is none of the order's, or nothing of it is to come.
        MoreThanDue: so much is not to come.
    """
    values = {"order_id": order_id, "payment_id": payment_id}
    row = await tx.one(_DUE_OF, values)
    if row is None:
        raise NothingDue
    due: int = row["due"]
    if amount is not None and amount > due:
        raise MoreThanDue(amount=amount, due=due)
    if amount is None or amount == due:
        await tx.rows(_COLLECTING, {**values, "now": clock.now()})
        return payment_id, due
    part_id = new_id()
    await tx.rows(_COLLECTING_PART, {**values, "part_id": part_id, "amount": amount, "now": clock.now()})
    return part_id, amount


async def replace_failed(tx: Tx, order_id: UUID) -> None:
    """Other payments have come in place of those that could not be captured."""
    await tx.rows(_REPLACE, {"order_id": order_id, "now": clock.now()})


async def spare(tx: Tx, order_id: UUID, amount: int) -> None:
    """So much less has to come of what is due, or could not be captured; of the payment that was made first first."""
    for payment in await tx.rows(_DUE_PAYMENTS, {"order_id": order_id}):
        part = min(amount, payment["due"])
        amount -= part
        if part:
            await tx.rows(_SPARE, {"payment_id": payment["id"], "amount": part, "now": clock.now()})


async def begin_void(tx: Tx, order_id: UUID) -> None:
    """What an order's payments hold will be let go, unless its capture has begun."""
    await tx.rows(_VOIDING, {"order_id": order_id, "now": clock.now()})


async def void_again(tx: Tx, payment_id: UUID, reference: str) -> None:
    """A payment that was given up turns out to have been authorised all the same."""
    await tx.rows(_VOID_AGAIN, {"payment_id": payment_id, "reference": reference, "now": clock.now()})


async def to_void(tx: Tx, payment_id: UUID) -> Due | None:
    """The payment, if it is to be let go."""
    return _due(tx, await tx.one(_TO_VOID, {"payment_id": payment_id}))


async def voided(tx: Tx, payment_id: UUID) -> bool:
    """The provider let go. `False` when that was known."""
    return await tx.one(_VOIDED, {"payment_id": payment_id, "now": clock.now()}) is not None


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


async def pending(tx: Tx, order_id: UUID) -> Sequence[Pending]:
    """What providers have to do for an order."""
    return [Pending(row["kind"], row["id"]) for row in await tx.rows(_PENDING, {"order_id": order_id})]


async def left(tx: Tx, *, older_than: timedelta, limit: int = 50) -> Sequence[Pending]:
    """What a crash or a provider that was away has left to be done, the oldest first."""
    rows = await tx.rows(_LEFT, {"before": clock.now() - older_than, "limit": limit})
    return [Pending(row["kind"], row["id"]) for row in rows]


def _due(tx: Tx, row: asyncpg.Record | None) -> Due | None:
    if row is None:
        return None
    charge = Charge(
        tenant_id=tx.tenant_id,
        payment_id=row["id"],
        amount=row["amount"],
        currency=row["currency"],
        reference=row["provider_reference"],
    )
    return Due(row["order_id"], row["provider"], charge)
