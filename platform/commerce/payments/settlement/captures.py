"""Captures and voids: capturing -> captured, or voiding -> voided."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import asyncpg
from sqlalchemy import text

from commerce.ledger import service as ledger
from commerce.payments.providers import Charge
from foundation import clock
from foundation.database import HotStatement, Tx, hot
from foundation.events import PaymentCaptured, PaymentCaptureFailed, record
from foundation.outbox import announce


@dataclass(frozen=True, slots=True)
class Due:
    """A call that a provider has to answer: for which order, at which provider, and what is asked."""

    order_id: UUID | None
    """`None` when the attempt to pay came to no order; it has nothing to be captured then."""
    provider: str
    charge: Charge


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

_VOIDED = _step("'voiding'", "voided")

_VOIDING = hot(
    text(
        """
        UPDATE payment SET status = 'voiding', updated_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND order_id = :order_id AND status IN ('authorised', 'due', 'capture_failed')
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
