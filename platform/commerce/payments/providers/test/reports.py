"""What the test bank reports a day: each movement of money once, less its fee, two days after it was made.

The figures are those of Stripe's standard terms. A card may have the bank report something else than what happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, timedelta
from fractions import Fraction
from uuid import UUID

from sqlalchemy import text

from commerce.payments.providers.contract import Settled
from commerce.payments.providers.test.cards import CARDS
from foundation import clock
from foundation.database import Tx, hot
from foundation.ids import new_id
from foundation.money import exponent, round_minor

SETTLES_AFTER = timedelta(days=2)
_RATE = Fraction(29, 1000)
_FIXED = {0: 30, 2: 30, 3: 90}
"""What each payment costs whatever its amount, by the decimals of its currency."""
_DISPUTE = {0: 1_500, 2: 1_500, 3: 4_500}


def fee_of(amount: int, currency: str) -> int:
    """What the bank keeps of a payment: 2.9 % and 30 cents, but never more than half of it."""
    return min(round_minor(amount * _RATE) + _FIXED.get(exponent(currency), 30), amount // 2)


def dispute_fee(currency: str) -> int:
    """What the bank takes for a dispute, however it ends."""
    return _DISPUTE.get(exponent(currency), 1_500)


# uq_test_bank_transaction_line
_WRITE = hot(
    text(
        """
        INSERT INTO test_bank_transaction
            (tenant_id, id, kind, reference, payment_id, refund_id, amount, fee, currency, settles_on)
        VALUES (:tenant_id, :id, :kind, :reference, CAST(:payment_id AS uuid), CAST(:refund_id AS uuid), :amount, :fee,
                :currency, CAST(:settles_on AS date))
        ON CONFLICT (tenant_id, kind, reference) DO NOTHING
        """
    )
)

# ix_test_bank_transaction_day
_DAY = hot(
    text(
        """
        SELECT id, kind, reference, payment_id, refund_id, amount, fee, currency, settles_on FROM test_bank_transaction
        WHERE tenant_id = :tenant_id AND settles_on = CAST(:day AS date) ORDER BY id
        """
    )
)


async def captured(tx: Tx, payment_id: UUID, card: str, amount: int, currency: str) -> None:
    """A payment was taken; the card says what is reported of it."""
    fee = fee_of(amount, currency)
    match CARDS[card].report:
        case "nothing":
            return
        case "another amount":
            amount += 1
        case "another fee":
            fee += 1
        case "a stranger too":
            await _write(tx, "capture", f"bank_{new_id().hex}", amount, fee, currency, payment_id=new_id())
        case "what happened":
            pass
    await _write(tx, "capture", f"bank_{payment_id.hex}", amount, fee, currency, payment_id=payment_id)


async def refunded(tx: Tx, refund_id: UUID, amount: int, currency: str) -> None:
    """Money is on its way back; what the payment cost is not."""
    await _write(tx, "refund", f"bank_{refund_id.hex}", -amount, 0, currency, refund_id=refund_id)


async def refund_came_back(tx: Tx, refund_id: UUID, amount: int, currency: str) -> None:
    """A refund did not arrive."""
    await _write(tx, "reversal", f"bank_{refund_id.hex}", amount, 0, currency, refund_id=refund_id)


async def disputed(tx: Tx, payment_id: UUID, amount: int, currency: str) -> None:
    """A cardholder takes a payment back."""
    await _write(tx, "dispute", f"dispute_{payment_id}", -amount, dispute_fee(currency), currency)


async def dispute_won(tx: Tx, payment_id: UUID, amount: int, currency: str) -> None:
    """The money was rightly the shop's."""
    await _write(tx, "reversal", f"dispute_{payment_id}", amount, 0, currency)


async def day(tx: Tx, day: date) -> Sequence[Settled]:
    """The lines of a day's report."""
    return [
        Settled(
            id=f"txn_{row['id'].hex}",
            reference=row["reference"],
            kind=row["kind"],
            amount=row["amount"],
            fee=row["fee"],
            currency=row["currency"],
            settled_on=row["settles_on"],
            payment_id=row["payment_id"],
            refund_id=row["refund_id"],
        )
        for row in await tx.rows(_DAY, {"day": day})
    ]


async def _write(
    tx: Tx,
    kind: str,
    reference: str,
    amount: int,
    fee: int,
    currency: str,
    *,
    payment_id: UUID | None = None,
    refund_id: UUID | None = None,
) -> None:
    await tx.rows(
        _WRITE,
        {
            "id": new_id(),
            "kind": kind,
            "reference": reference,
            "payment_id": payment_id,
            "refund_id": refund_id,
            "amount": amount,
            "fee": fee,
            "currency": currency,
            "settles_on": (clock.now().astimezone(UTC) + SETTLES_AFTER).date(),
        },
    )
