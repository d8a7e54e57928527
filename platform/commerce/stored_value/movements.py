"""How money moves onto, within and off gift cards and grants: one conditional UPDATE with its entry, then the books.

Whatever moves the money of several grants locks them first, in the order of their ids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, cast
from uuid import UUID

import asyncpg
from sqlalchemy import text

from commerce.ledger import service as ledger
from commerce.stored_value.schemas import Kind
from foundation import clock
from foundation.database import HotStatement, Tx, hot
from foundation.errors import Conflict
from foundation.events import StoredValueMoved, record
from foundation.ids import new_id
from foundation.outbox import announce

Movement = Literal["held", "released", "spent", "refunded", "expired", "withdrawn"]
Told = Literal["issued", "spent", "refunded", "expired", "withdrawn"]

MOVEMENTS: Mapping[Movement, tuple[str, str]] = {
    "held": ("available", "held"),
    "released": ("held", "available"),
    "spent": ("held", "spent"),
    "refunded": ("spent", "available"),
    "expired": ("available", "expired"),
    "withdrawn": ("available", "withdrawn"),
}
"""What each movement takes from, and what it adds to."""

LIABILITY: Mapping[Kind, str] = {"gift_card": "gift_cards", "store_credit": "store_credit"}
"""The ledger's account of what a shop owes those who hold its cards and credit."""

KEPT_FOR = timedelta(days=30)
"""How long money is good that came back to a card or grant whose time was over."""

_ACTIVE = "AND v.status = 'active'"
_IN_TIME = "AND (v.expires_at IS NULL OR v.expires_at > CAST(:at AS timestamptz))"
_CONDITIONS: Mapping[Movement, str] = {
    "held": f"{_ACTIVE} {_IN_TIME} AND v.currency = :currency",
    "refunded": _ACTIVE,
    "expired": "AND v.expires_at <= CAST(:at AS timestamptz)",
}


class NotMovable(Conflict):
    """The gift card or store credit has not so much, or can't be used."""

    code = "stored_value.not_movable"


@dataclass(frozen=True, slots=True)
class Moved:
    """Money that moved on one card or grant."""

    value_id: UUID
    kind: Kind
    currency: str
    funded_by: str
    amount: int


def _statement(movement: Movement) -> HotStatement:
    source, target = MOVEMENTS[movement]
    kept = (
        ", expires_at = CASE WHEN v.expires_at <= CAST(:at AS timestamptz) THEN CAST(:kept_until AS timestamptz)"
        " ELSE v.expires_at END"
        if target == "available"
        else ""
    )
    return hot(
        text(
            f"""
            WITH asked AS (
                SELECT * FROM unnest(CAST(:value_ids AS uuid[]), CAST(:amounts AS bigint[]), CAST(:entry_ids AS uuid[]))
                         AS a (id, amount, entry_id)),
            moved AS (
                UPDATE stored_value v
                SET {source} = v.{source} - asked.amount, {target} = v.{target} + asked.amount{kept}
                FROM asked
                WHERE v.tenant_id = :tenant_id AND v.id = asked.id AND v.{source} >= asked.amount
                      {_CONDITIONS.get(movement, "")}
                RETURNING v.id, v.kind, v.currency, v.funded_by, asked.amount, asked.entry_id),
            entered AS (
                INSERT INTO stored_value_entry (tenant_id, id, value_id, kind, amount, reference_id, actor, reason, at)
                SELECT :tenant_id, entry_id, id, '{movement}', amount, CAST(:reference_id AS uuid), :actor, :reason,
                       CAST(:at AS timestamptz) FROM moved)
            SELECT id AS value_id, kind, currency, funded_by, amount FROM moved
            """  # noqa: S608  (the columns are literals of this module)
        )
    )


_STATEMENTS = {movement: _statement(movement) for movement in MOVEMENTS}


async def move(
    tx: Tx,
    movement: Movement,
    amounts: Mapping[UUID, int],
    *,
    actor: str,
    reference_id: UUID | None = None,
    currency: str = "",
    reason: str = "",
) -> Sequence[Moved]:
    """Move an amount of each card or grant, in minor units: all of it, or nothing is left of the transaction.

    Raises:
        NotMovable: one has not so much, or can't be used for that.
    """
    now = clock.now()
    values = {
        "value_ids": list(amounts),
        "amounts": list(amounts.values()),
        "entry_ids": [new_id() for _ in amounts],
        "reference_id": reference_id,
        "currency": currency,
        "actor": actor,
        "reason": reason,
        "at": now,
        "kept_until": now + KEPT_FOR,
    }
    moved = [_moved(row) for row in await tx.rows(_STATEMENTS[movement], values)]
    if len(moved) != len(amounts):
        raise NotMovable
    return moved


async def account_for(
    tx: Tx, movement: Told, moved: Sequence[Moved], *, to: str | None = None, reference_id: UUID | None = None
) -> None:
    """Post money that left the cards and grants, or came onto them, and tell of it.

    `to` is the other account; without one it is what each was funded by. What is about no payment or refund is posted
    under the card or grant itself.
    """
    sign = -1 if movement in ("issued", "refunded") else 1
    for part in moved:
        amount = sign * part.amount
        await ledger.post(
            tx,
            currency=part.currency,
            reference_id=reference_id or part.value_id,
            amounts={LIABILITY[part.kind]: amount, to or part.funded_by: -amount},
        )
    said = [
        StoredValueMoved(
            value_id=part.value_id,
            kind=part.kind,
            movement=movement,
            amount=part.amount,
            currency=part.currency,
            reference_id=reference_id,
        )
        for part in moved
    ]
    await announce(tx, [record(fact, tenant_id=tx.tenant_id, aggregate_id=fact.value_id) for fact in said])


def _moved(row: asyncpg.Record) -> Moved:
    return Moved(row["value_id"], cast("Kind", row["kind"]), row["currency"], row["funded_by"], row["amount"])
