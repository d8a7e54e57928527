"""Payments by gift card and store credit: held, spent or released, refunded. Each step is taken once for each id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast
from uuid import UUID

from sqlalchemy import text

from commerce.stored_value import codes
from commerce.stored_value.movements import NotMovable, account_for, move
from commerce.stored_value.schemas import Kind
from foundation import clock
from foundation.database import HotStatement, Tx, hot
from foundation.ids import new_id

Outcome = Literal["done", "unusable", "insufficient_funds", "not_held", "not_spent", "exceeds_spent"]
"""`done`, or why not."""
SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Purse:
    """What is to pay: the card with a code, or the credit of a customer."""

    kind: Kind
    code: str = ""
    customer_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Money of one card or grant that could be taken."""

    value_id: UUID
    available: int


# Whoever asks a second time, even at the same instant, waits here and then finds the first one's answer.
_CLAIM = hot(
    text(
        """
        INSERT INTO stored_value_payment (tenant_id, id, kind, status, amount, currency)
        VALUES (:tenant_id, :payment_id, :kind, :status, :amount, :currency)
        ON CONFLICT (tenant_id, id) DO NOTHING RETURNING status
        """
    )
)

_STATUS = hot(text("SELECT kind, status FROM stored_value_payment WHERE tenant_id = :tenant_id AND id = :payment_id"))

_LOCK = hot(
    text(
        """
        SELECT kind, status, amount, refunded, currency FROM stored_value_payment
        WHERE tenant_id = :tenant_id AND id = :payment_id FOR UPDATE
        """
    )
)

_STEP = hot(
    text(
        """
        UPDATE stored_value_payment SET status = :status
        WHERE tenant_id = :tenant_id AND id = :payment_id AND status = 'held' RETURNING id
        """
    )
)

# uq_stored_value_code: not locked, because the UPDATE that takes the money asks again.
_CARD = hot(
    text(
        """
        SELECT id, available FROM stored_value
        WHERE tenant_id = :tenant_id AND code_hash = :code_hash AND status = 'active' AND currency = :currency
          AND (expires_at IS NULL OR expires_at > CAST(:now AS timestamptz))
        """
    )
)

# ix_stored_value_customer: locked in the order of their ids, and spent soonest to expire first.
_GRANTS = hot(
    text(
        """
        WITH mine AS (
            SELECT id, available, expires_at FROM stored_value
            WHERE tenant_id = :tenant_id AND customer_id = :customer_id AND status = 'active' AND currency = :currency
              AND available > 0 AND (expires_at IS NULL OR expires_at > CAST(:now AS timestamptz))
            ORDER BY id FOR UPDATE)
        SELECT id, available FROM mine ORDER BY expires_at NULLS LAST, id
        """
    )
)

_NOTE_PARTS = hot(
    text(
        """
        INSERT INTO stored_value_part (tenant_id, id, payment_id, value_id, amount)
        SELECT :tenant_id, p.id, :payment_id, p.value_id, p.amount
        FROM unnest(CAST(:ids AS uuid[]), CAST(:value_ids AS uuid[]), CAST(:amounts AS bigint[]))
             AS p (id, value_id, amount)
        """
    )
)


def _parts(amount: str, order: str) -> HotStatement:
    return hot(
        text(
            f"""
            WITH parts AS (
                SELECT v.id, {amount} AS available, v.expires_at
                FROM stored_value_part p JOIN stored_value v ON v.tenant_id = p.tenant_id AND v.id = p.value_id
                WHERE p.tenant_id = :tenant_id AND p.payment_id = :payment_id
                ORDER BY v.id FOR UPDATE OF v)
            SELECT id, available FROM parts WHERE available > 0 ORDER BY {order}
            """  # noqa: S608  (both are literals of this module)
        )
    )


# uq_stored_value_part
_HELD_PARTS = _parts("p.amount", "id")
# Back to what is good the longest first.
_SPENT_PARTS = _parts("p.amount - p.refunded", "expires_at DESC NULLS FIRST, id")

_NOTE_REFUND = hot(
    text(
        """
        WITH given AS (
            UPDATE stored_value_payment SET refunded = refunded + CAST(:amount AS bigint)
            WHERE tenant_id = :tenant_id AND id = :payment_id AND status = 'spent'
              AND amount - refunded >= CAST(:amount AS bigint) RETURNING id)
        UPDATE stored_value_part p SET refunded = p.refunded + back.amount
        FROM given, unnest(CAST(:value_ids AS uuid[]), CAST(:amounts AS bigint[])) AS back (value_id, amount)
        WHERE p.tenant_id = :tenant_id AND p.payment_id = given.id AND p.value_id = back.value_id
        """
    )
)

# ix_stored_value_entry_reference
_REFUNDED = hot(
    text(
        "SELECT FROM stored_value_entry WHERE tenant_id = :tenant_id AND reference_id = :refund_id"
        " AND kind = 'refunded' LIMIT 1"
    )
)


def split(amount: int, parts: Sequence[Part]) -> dict[UUID, int]:
    """How much to take of each in turn to make up an amount; nothing at all when they have not so much together."""
    if amount > sum(part.available for part in parts):
        return {}
    taken: dict[UUID, int] = {}
    for part in parts:
        taken[part.value_id] = min(amount, part.available)
        amount -= taken[part.value_id]
    return {value_id: share for value_id, share in taken.items() if share}


async def hold(tx: Tx, purse: Purse, payment_id: UUID, amount: int, currency: str) -> Outcome:
    """Set an amount (minor units) aside for a payment; once for each payment.

    Anything but `done` has to be rolled back by whoever began the transaction.
    """
    values = {"payment_id": payment_id, "kind": purse.kind, "status": "held", "amount": amount, "currency": currency}
    if await tx.one(_CLAIM, values) is None:
        return await held(tx, payment_id)
    parts = await _usable(tx, purse, currency)
    taken = split(amount, parts)
    if amount and not taken:
        return "insufficient_funds" if parts else "unusable"
    try:
        await move(tx, "held", taken, actor=SYSTEM, reference_id=payment_id, currency=currency)
    except NotMovable:
        return "insufficient_funds"
    noted = {"ids": [new_id() for _ in taken], "value_ids": list(taken), "amounts": list(taken.values())}
    await tx.rows(_NOTE_PARTS, {"payment_id": payment_id, **noted})
    return "done"


async def held(tx: Tx, payment_id: UUID) -> Outcome:
    """Whether a payment's money is held, or spent already."""
    row = await tx.one(_STATUS, {"payment_id": payment_id})
    return "done" if row is not None and row["status"] != "released" else "not_held"


async def spend(tx: Tx, payment_id: UUID) -> Outcome:
    """Take what a payment holds; once."""
    if await tx.one(_STEP, {"payment_id": payment_id, "status": "spent"}) is None:
        return await held(tx, payment_id)
    taken = await _parts_of(tx, _HELD_PARTS, payment_id)
    moved = await move(
        tx, "spent", {part.value_id: part.available for part in taken}, actor=SYSTEM, reference_id=payment_id
    )
    for part in moved[:1]:
        await account_for(tx, "spent", moved, to=f"provider:{part.kind}", reference_id=payment_id)
    return "done"


async def release(tx: Tx, kind: Kind, payment_id: UUID, currency: str) -> None:
    """Let go of what a payment holds, if anything; what was never held can't be held under that id any more."""
    values = {"payment_id": payment_id, "kind": kind, "status": "released", "amount": 0, "currency": currency}
    if await tx.one(_CLAIM, values) is not None:
        return
    if await tx.one(_STEP, {"payment_id": payment_id, "status": "released"}) is not None:
        taken = await _parts_of(tx, _HELD_PARTS, payment_id)
        amounts = {part.value_id: part.available for part in taken}
        await move(tx, "released", amounts, actor=SYSTEM, reference_id=payment_id)


async def refund(tx: Tx, payment_id: UUID, refund_id: UUID, amount: int) -> Outcome:
    """Give a part of what a payment spent back to where it came from, never more than was spent; once for each refund.

    Anything but `done` has to be rolled back by whoever began the transaction.
    """
    payment = await tx.one(_LOCK, {"payment_id": payment_id})
    if await tx.one(_REFUNDED, {"refund_id": refund_id}) is not None:
        return "done"
    if payment is None or payment["status"] != "spent":
        return "not_spent"
    back = split(amount, await _parts_of(tx, _SPENT_PARTS, payment_id))
    if not back:
        return "exceeds_spent"
    try:
        moved = await move(tx, "refunded", back, actor=SYSTEM, reference_id=refund_id)
    except NotMovable:
        return "unusable"
    values = {"value_ids": list(back), "amounts": list(back.values())}
    await tx.rows(_NOTE_REFUND, {"payment_id": payment_id, "amount": amount, **values})
    await account_for(tx, "refunded", moved, to=f"provider:{payment['kind']}", reference_id=refund_id)
    return "done"


async def paid_with(tx: Tx, payment_id: UUID) -> Kind | None:
    """What a payment was made with; `None` when it was neither a card nor credit."""
    row = await tx.one(_STATUS, {"payment_id": payment_id})
    return cast("Kind", row["kind"]) if row else None


async def _usable(tx: Tx, purse: Purse, currency: str) -> Sequence[Part]:
    now = clock.now()
    if purse.kind == "gift_card":
        values = {"code_hash": codes.hash_of(purse.code), "currency": currency, "now": now}
        rows = await tx.rows(_CARD, values)
    else:
        rows = await tx.rows(_GRANTS, {"customer_id": purse.customer_id, "currency": currency, "now": now})
    return [Part(row["id"], row["available"]) for row in rows]


async def _parts_of(tx: Tx, statement: HotStatement, payment_id: UUID) -> Sequence[Part]:
    return [Part(row["id"], row["available"]) for row in await tx.rows(statement, {"payment_id": payment_id})]
