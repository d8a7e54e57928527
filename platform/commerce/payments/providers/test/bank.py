"""The test bank's books: what it holds, took and gave back, and what it has still to tell the shop.

What it reports at the end of a day is written as it happens, see `reports`.

Each step is one conditional UPDATE by the payment's or the refund's id, as with a real bank that takes these ids for
idempotency keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import text

from commerce.payments.providers.test import reports
from foundation import clock
from foundation.database import HotStatement, Tx, hot
from foundation.ids import new_id

NO_MONEY = "XXX"
"""The currency of an account by which a card's owner only confirms that it may be kept; ISO 4217's word for it."""
DELAY = timedelta(seconds=5)
"""How long it takes the bank to know what is known only later."""


@dataclass(frozen=True, slots=True)
class Account:
    """A payment as the bank has it."""

    card: str
    amount: int
    currency: str
    status: str
    """`challenge`, `processing`, `held`, `captured`, `voided` or `refused`."""
    refusal: str | None
    return_url: str | None


@dataclass(frozen=True, slots=True)
class Told:
    """Something the bank has to tell a shop."""

    id: UUID
    kind: str
    payment_id: UUID
    refund_id: UUID | None
    amount: int
    fee: int
    currency: str
    reason: str


_OPEN = hot(
    text(
        """
        INSERT INTO test_bank_payment (tenant_id, id, card, amount, currency, status, refusal, return_url)
        VALUES (:tenant_id, :id, :card, :amount, :currency, :status, CAST(:refusal AS text), CAST(:return_url AS text))
        ON CONFLICT (tenant_id, id) DO NOTHING
        """
    )
)

_PAYMENT = hot(
    text(
        """
        SELECT card, amount, currency, status, refusal, return_url FROM test_bank_payment
        WHERE tenant_id = :tenant_id AND id = :id
        """
    )
)


def _become(status: str, *before: str) -> HotStatement:
    was = ", ".join(f"'{state}'" for state in before)
    return hot(
        text(
            f"""
            UPDATE test_bank_payment SET status = '{status}', refusal = CAST(:refusal AS text)
            WHERE tenant_id = :tenant_id AND id = :id AND status IN ({was}) RETURNING id, amount, currency
            """  # noqa: S608  (the states are literals of this module)
        )
    )


_DECIDED = {
    "held": _become("held", "challenge", "processing"),
    "refused": _become("refused", "challenge", "processing"),
    "processing": _become("processing", "challenge"),
}
_CAPTURED = _become("captured", "held")
_EXPIRED = _become("refused", "held")
_VOIDED = _become("voided", "held", "challenge", "processing")

_LOCK = hot(
    text(
        """
        SELECT amount, status, card FROM test_bank_payment WHERE tenant_id = :tenant_id AND id = :id FOR UPDATE
        """
    )
)

# ix_test_bank_refund_payment
_REFUNDED = hot(
    text(
        """
        SELECT coalesce(sum(amount) FILTER (WHERE status <> 'failed'), 0)::bigint AS refunded,
               max(status) FILTER (WHERE id = :refund_id) AS status,
               max(failure) FILTER (WHERE id = :refund_id) AS failure
        FROM test_bank_refund WHERE tenant_id = :tenant_id AND payment_id = :id
        """
    )
)

_REFUND = hot(
    text(
        """
        INSERT INTO test_bank_refund (tenant_id, id, payment_id, amount, status, failure)
        VALUES (:tenant_id, :refund_id, :id, :amount, :status, CAST(:failure AS text))
        RETURNING (SELECT currency FROM test_bank_payment WHERE tenant_id = :tenant_id AND id = :id) AS currency
        """
    )
)

_REFUND_ENDS = hot(
    text(
        """
        UPDATE test_bank_refund r SET status = CASE WHEN p.card = :failing THEN 'failed' ELSE 'succeeded' END,
                                      failure = CASE WHEN p.card = :failing THEN 'expired_or_canceled_card' END
        FROM test_bank_payment p
        WHERE r.tenant_id = :tenant_id AND r.id = :refund_id AND r.status = 'pending'
          AND p.tenant_id = r.tenant_id AND p.id = r.payment_id
        RETURNING r.status, r.amount, p.currency
        """
    )
)

_TELL = hot(
    text(
        """
        INSERT INTO test_bank_event (tenant_id, id, kind, payment_id, refund_id, amount, fee, currency, reason, due_at)
        VALUES (:tenant_id, :event_id, :kind, :payment_id, CAST(:refund_id AS uuid), :amount, :fee, :currency, :reason,
                CAST(:due_at AS timestamptz))
        """
    )
)

# ix_test_bank_event_due
_TO_TELL = hot(
    text(
        """
        SELECT id, kind, payment_id, refund_id, amount, fee, currency, reason FROM test_bank_event
        WHERE tenant_id = :tenant_id AND delivered_at IS NULL AND due_at <= CAST(:now AS timestamptz)
        ORDER BY due_at LIMIT :limit
        """
    )
)

_DELIVERED = hot(
    text(
        """
        UPDATE test_bank_event SET delivered_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :event_id
        """
    )
)

# A shop that does not answer is told again a little later.
_NOT_DELIVERED = hot(
    text(
        """
        UPDATE test_bank_event SET due_at = CAST(:due_at AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :event_id
        """
    )
)


async def opened(tx: Tx, payment_id: UUID, account: Account) -> Account:
    """The payment's account, opened as given unless there is one."""
    await tx.rows(
        _OPEN,
        {
            "id": payment_id,
            "card": account.card,
            "amount": account.amount,
            "currency": account.currency,
            "status": account.status,
            "refusal": account.refusal,
            "return_url": account.return_url,
        },
    )
    return await find(tx, payment_id) or account


async def find(tx: Tx, payment_id: UUID) -> Account | None:
    """The payment's account, if there is one."""
    row = await tx.one(_PAYMENT, {"id": payment_id})
    return Account(**row) if row else None


async def decided(tx: Tx, payment_id: UUID, status: str, refusal: str | None = None) -> asyncpg.Record | None:
    """What came of a challenge: `held`, `refused` or `processing`; `None` when that was known."""
    return await tx.one(_DECIDED[status], {"id": payment_id, "refusal": refusal})


async def captured(tx: Tx, payment_id: UUID, card: str) -> bool:
    """Take what is held; `False` when nothing is."""
    row = await tx.one(_CAPTURED, {"id": payment_id, "refusal": None})
    if row is not None:
        await reports.captured(tx, payment_id, card, row["amount"], row["currency"])
    return row is not None


async def expired(tx: Tx, payment_id: UUID, refusal: str) -> None:
    """What was held is held no more."""
    await tx.rows(_EXPIRED, {"id": payment_id, "refusal": refusal})


async def voided(tx: Tx, payment_id: UUID) -> None:
    """Let go of what is held, or may come to be."""
    await tx.rows(_VOIDED, {"id": payment_id, "refusal": "voided"})


async def lock(tx: Tx, payment_id: UUID) -> asyncpg.Record | None:
    """The payment's account, held until the transaction ends: two refunds at once see each other."""
    return await tx.one(_LOCK, {"id": payment_id})


async def refunds(tx: Tx, payment_id: UUID, refund_id: UUID) -> asyncpg.Record:
    """What was given back of a payment in all, and how one refund of it stands."""
    row = await tx.one(_REFUNDED, {"id": payment_id, "refund_id": refund_id})
    if row is None:
        raise RuntimeError("an aggregate gave no row")
    return row


async def refund(
    tx: Tx, payment_id: UUID, refund_id: UUID, amount: int, status: str, failure: str | None = None
) -> None:
    """Give some of it back, or fail to."""
    values = {"id": payment_id, "refund_id": refund_id, "amount": amount, "status": status, "failure": failure}
    row = await tx.one(_REFUND, values)
    if row is not None and status != "failed":
        await reports.refunded(tx, refund_id, amount, row["currency"])


async def refund_ends(tx: Tx, refund_id: UUID, failing: str) -> None:
    """A refund that was on its way arrives, or comes back when it was made to the card that fails."""
    row = await tx.one(_REFUND_ENDS, {"refund_id": refund_id, "failing": failing})
    if row is not None and row["status"] == "failed":
        await reports.refund_came_back(tx, refund_id, row["amount"], row["currency"])


async def tell(
    tx: Tx,
    kind: str,
    payment_id: UUID,
    *,
    after: timedelta,
    refund_id: UUID | None = None,
    amount: int = 0,
    fee: int = 0,
    currency: str = "",
    reason: str = "",
) -> None:
    """The shop is to be told, after so long."""
    await tx.rows(
        _TELL,
        {
            "event_id": new_id(),
            "kind": kind,
            "payment_id": payment_id,
            "refund_id": refund_id,
            "amount": amount,
            "fee": fee,
            "currency": currency,
            "reason": reason,
            "due_at": clock.now() + after,
        },
    )


async def to_tell(tx: Tx, *, limit: int = 20) -> Sequence[Told]:
    """What the shop is to be told now."""
    return [Told(**row) for row in await tx.rows(_TO_TELL, {"now": clock.now(), "limit": limit})]


async def told(tx: Tx, event_id: UUID, *, delivered: bool) -> None:
    """The shop was told, or did not answer."""
    values: dict[str, Any] = {"event_id": event_id, "now": clock.now(), "due_at": clock.now() + DELAY}
    await tx.rows(_DELIVERED if delivered else _NOT_DELIVERED, values)
