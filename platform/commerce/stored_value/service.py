"""Issuing gift cards and store credit, looking at them, taking them back, and what expires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from uuid import UUID

import asyncpg
from sqlalchemy import text

from commerce.giving import service as giving
from commerce.policies.limits import Giver
from commerce.stored_value import codes, guessing
from commerce.stored_value.movements import Moved, NotMovable, account_for, move
from commerce.stored_value.schemas import (
    BalanceOut,
    ClawBackIn,
    EntryOut,
    GiftCardIn,
    GrantIn,
    Kind,
    SpendableOut,
    StoreCreditHistory,
    StoreCreditOut,
    ValueOut,
    ValueWithHistory,
)
from commerce.stored_value.spending import SYSTEM, Part, split
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.database import Database, HotStatement, Tx, hot
from foundation.errors import NotFound, Unprocessable
from foundation.ids import new_id
from foundation.types import MoneyOut


class GiftCardNotFound(NotFound):
    """There is no such gift card."""

    code = "gift_cards.not_found"


class CodeNotGood(NotFound):
    """No gift card that can be spent has this code."""

    code = "gift_cards.code_not_good"


class CustomerNotFound(NotFound):
    """There is no such customer."""

    code = "stored_value.customer_not_found"


class AlreadyOver(Unprocessable):
    """The last day on which it would be good is over."""

    code = "stored_value.already_over"

    last_day: date


@dataclass(frozen=True, slots=True)
class Issue:
    """Money that somebody is to hold with the shop."""

    kind: Kind
    amount: int
    currency: str
    funded_by: str
    reason: str
    expires_at: datetime | None = None
    code: str | None = None
    customer_id: UUID | None = None


_ISSUE = hot(
    text(
        """
        WITH issued AS (
            INSERT INTO stored_value (tenant_id, id, kind, code_hash, code_ending, customer_id, currency, issued,
                                      available, funded_by, reason, expires_at, created_at)
            VALUES (:tenant_id, :id, :kind, CAST(:code_hash AS bytea), CAST(:code_ending AS text),
                    CAST(:customer_id AS uuid), :currency, CAST(:amount AS bigint), CAST(:amount AS bigint), :funded_by,
                    :reason, CAST(:expires_at AS timestamptz), CAST(:at AS timestamptz))
            ON CONFLICT (tenant_id, id) DO NOTHING RETURNING id)
        INSERT INTO stored_value_entry (tenant_id, id, value_id, kind, amount, reference_id, actor, reason, at)
        SELECT :tenant_id, :entry_id, id, 'issued', CAST(:amount AS bigint), CAST(:reference_id AS uuid), :actor,
               :reason, CAST(:at AS timestamptz) FROM issued
        RETURNING value_id
        """
    )
)

_COLUMNS = """
    v.id, v.kind, v.code_ending, v.customer_id, v.currency, v.issued, v.available, v.held, v.spent, v.expired,
    v.withdrawn, v.status, v.funded_by, v.reason, v.expires_at, v.created_at
"""


def _select(rest: str) -> HotStatement:
    return hot(text(f"SELECT {_COLUMNS} FROM stored_value v WHERE v.tenant_id = :tenant_id AND {rest}"))  # noqa: S608


_CARD = _select("v.id = :id AND v.kind = 'gift_card'")
_CARDS = _select("v.kind = 'gift_card' AND v.id < :before ORDER BY v.id DESC LIMIT :limit")
# uq_stored_value_code
_BY_CODE = _select(
    "v.code_hash = :code_hash AND v.status = 'active'"
    " AND (v.expires_at IS NULL OR v.expires_at > CAST(:now AS timestamptz))"
)
# ix_stored_value_customer
_OF_CUSTOMER = _select("v.customer_id = :customer_id ORDER BY v.expires_at NULLS LAST, v.id")
_TO_WITHDRAW = _select(
    "v.customer_id = :customer_id AND v.currency = :currency AND v.available > 0 ORDER BY v.id FOR UPDATE"
)

# ix_stored_value_entry_value
_HISTORY = hot(
    text(
        """
        SELECT id, value_id, kind, amount, reference_id, actor, reason, at FROM stored_value_entry
        WHERE tenant_id = :tenant_id AND value_id = ANY(CAST(:value_ids AS uuid[])) ORDER BY id
        """
    )
)

_SET_STATUS = hot(
    text(
        """
        WITH set AS (
            UPDATE stored_value
            SET status = CASE WHEN CAST(:kind AS text) = 'disabled' THEN 'disabled' ELSE 'active' END
            WHERE tenant_id = :tenant_id AND id = :id AND kind = 'gift_card'
              AND (status = 'active') = (CAST(:kind AS text) = 'disabled') RETURNING id)
        INSERT INTO stored_value_entry (tenant_id, id, value_id, kind, actor, reason, at)
        SELECT :tenant_id, :entry_id, id, CAST(:kind AS text), :actor, :reason, CAST(:at AS timestamptz) FROM set
        """
    )
)

# ix_stored_value_expiring: two workers at once each take what the other has not.
_DUE = hot(
    text(
        """
        SELECT id, available FROM stored_value
        WHERE tenant_id = :tenant_id AND available > 0 AND expires_at <= CAST(:now AS timestamptz)
        ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
        """
    )
)

_CUSTOMER = hot(text("SELECT FROM customer WHERE tenant_id = :tenant_id AND id = :customer_id"))


async def issue_gift_card(tx: Tx, shop: Shop, body: GiftCardIn, *, actor: str, giver: Giver) -> tuple[ValueOut, str]:
    """A new gift card and its code, of which only the hash is kept.

    Raises:
        AlreadyOver.
        RefundTooMuch: it is more than `giver` may give away; nothing is issued.
    """
    card_code = codes.new_code()
    card_id = new_id()
    issued = Issue(
        kind="gift_card",
        amount=body.amount,
        currency=body.currency or shop.currency,
        funded_by=body.funded_by,
        reason=body.reason,
        expires_at=_end_of(body.last_day, shop),
        code=card_code,
    )
    await giving.give(tx, giver, issued.amount, issued.currency)
    await issue(tx, issued, value_id=card_id, actor=actor)
    return await gift_card(tx, card_id), card_code


async def grant(tx: Tx, shop: Shop, customer_id: UUID, body: GrantIn, *, actor: str, giver: Giver) -> StoreCreditOut:
    """Store credit for a customer; gives all that they have.

    Raises:
        CustomerNotFound, AlreadyOver.
        RefundTooMuch: it is more than `giver` may give away; nothing is granted.
    """
    await _require_customer(tx, customer_id)
    issued = Issue(
        kind="store_credit",
        amount=body.amount,
        currency=body.currency or shop.currency,
        funded_by="goodwill",
        reason=body.reason,
        expires_at=_end_of(body.last_day, shop),
        customer_id=customer_id,
    )
    await giving.give(tx, giver, issued.amount, issued.currency)
    await issue(tx, issued, value_id=new_id(), actor=actor)
    return await store_credit(tx, customer_id)


async def issue(tx: Tx, issued: Issue, *, value_id: UUID, actor: str, reference_id: UUID | None = None) -> bool:
    """Issue a card or grant, post and tell it; `False` when there is one of that id."""
    values = {
        "id": value_id,
        "entry_id": new_id(),
        "kind": issued.kind,
        "code_hash": codes.hash_of(issued.code) if issued.code else None,
        "code_ending": codes.ending_of(issued.code) if issued.code else None,
        "customer_id": issued.customer_id,
        "currency": issued.currency,
        "amount": issued.amount,
        "funded_by": issued.funded_by,
        "reason": issued.reason,
        "expires_at": issued.expires_at,
        "reference_id": reference_id,
        "actor": actor,
        "at": clock.now(),
    }
    if await tx.one(_ISSUE, values) is None:
        return False
    moved = Moved(value_id, issued.kind, issued.currency, issued.funded_by, issued.amount)
    await account_for(tx, "issued", [moved], reference_id=reference_id)
    return True


async def gift_card(tx: Tx, card_id: UUID) -> ValueOut:
    """A gift card.

    Raises:
        GiftCardNotFound.
    """
    row = await tx.one(_CARD, {"id": card_id})
    if row is None:
        raise GiftCardNotFound
    return _out(row)


async def gift_card_with_history(tx: Tx, card_id: UUID) -> ValueWithHistory:
    """A gift card and what happened to it.

    Raises:
        GiftCardNotFound.
    """
    card = await gift_card(tx, card_id)
    return ValueWithHistory(**dict(card), history=await _history(tx, [card_id]))


async def gift_cards(tx: Tx, *, before: UUID, limit: int) -> Sequence[ValueOut]:
    """The shop's gift cards, newest first, older than the one named."""
    return [_out(row) for row in await tx.rows(_CARDS, {"before": before, "limit": limit})]


async def look_up(database: Database, tenant_id: UUID, code: str, *, address: str) -> SpendableOut:
    """What the gift card with a code is good for. Unknown, disabled and expired codes are told apart by nobody.

    Raises:
        CodeNotGood.
        TooManyGuesses: too many that were not good came from that address.
    """
    async with database.tx(tenant_id) as tx:
        await guessing.count(tx, address)
        row = await tx.one(_BY_CODE, {"code_hash": codes.hash_of(code), "now": clock.now()})
        if row is not None:
            await guessing.forgive(tx, address)
    if row is None:
        raise CodeNotGood
    available = MoneyOut(amount=row["available"], currency=row["currency"])
    return SpendableOut(ending=row["code_ending"], available=available, expires_at=row["expires_at"])


async def set_status(
    tx: Tx, card_id: UUID, status: Literal["disabled", "enabled"], *, reason: str, actor: str
) -> ValueWithHistory:
    """Let a gift card be spent no more, or again; nothing happens when that is so already.

    Raises:
        GiftCardNotFound.
    """
    values = {"id": card_id, "kind": status, "entry_id": new_id(), "reason": reason, "actor": actor, "at": clock.now()}
    await tx.rows(_SET_STATUS, values)
    return await gift_card_with_history(tx, card_id)


async def withdraw_from_card(tx: Tx, card_id: UUID, amount: int, *, reason: str, actor: str) -> ValueWithHistory:
    """Take money back from a gift card.

    Raises:
        GiftCardNotFound.
        NotMovable: it has not so much.
    """
    card = await gift_card(tx, card_id)
    await _withdraw(tx, {card.id: amount}, reason=reason, actor=actor)
    return await gift_card_with_history(tx, card_id)


async def claw_back(tx: Tx, shop: Shop, customer_id: UUID, body: ClawBackIn, *, actor: str) -> StoreCreditOut:
    """Take store credit back from a customer, what is good the longest first.

    Raises:
        CustomerNotFound.
        NotMovable: they have not so much.
    """
    await _require_customer(tx, customer_id)
    asked = {"customer_id": customer_id, "currency": body.currency or shop.currency}
    grants = sorted((_out(row) for row in await tx.rows(_TO_WITHDRAW, asked)), key=_good_for, reverse=True)
    taken = split(body.amount, [Part(one.id, one.balance.available) for one in grants])
    if not taken:
        raise NotMovable
    await _withdraw(tx, taken, reason=body.reason, actor=actor)
    return await store_credit(tx, customer_id)


async def store_credit(tx: Tx, customer_id: UUID) -> StoreCreditOut:
    """What a customer has, and can spend now."""
    grants = [_out(row) for row in await tx.rows(_OF_CUSTOMER, {"customer_id": customer_id})]
    now = clock.now()
    spendable: dict[str, int] = {}
    for one in grants:
        if one.expires_at is None or one.expires_at > now:
            spendable[one.currency] = spendable.get(one.currency, 0) + one.balance.available
    available = [MoneyOut(amount=amount, currency=currency) for currency, amount in spendable.items() if amount]
    return StoreCreditOut(available=available, grants=grants)


async def store_credit_with_history(tx: Tx, customer_id: UUID) -> StoreCreditHistory:
    """What a customer has, and what happened to it.

    Raises:
        CustomerNotFound.
    """
    await _require_customer(tx, customer_id)
    found = await store_credit(tx, customer_id)
    return StoreCreditHistory(**dict(found), history=await _history(tx, [one.id for one in found.grants]))


async def expire(tx: Tx, *, limit: int = 100) -> int:
    """Write off what nobody spent in time; says how many cards and grants that were.

    What is over can't be spent from that moment on, whether this has run or not.
    """
    due = await tx.rows(_DUE, {"now": clock.now(), "limit": limit})
    if due:
        moved = await move(tx, "expired", {row["id"]: row["available"] for row in due}, actor=SYSTEM)
        await account_for(tx, "expired", moved, to="breakage")
    return len(due)


async def _withdraw(tx: Tx, amounts: dict[UUID, int], *, reason: str, actor: str) -> None:
    moved = await move(tx, "withdrawn", amounts, actor=actor, reason=reason)
    await account_for(tx, "withdrawn", moved)


async def _require_customer(tx: Tx, customer_id: UUID) -> None:
    if await tx.one(_CUSTOMER, {"customer_id": customer_id}) is None:
        raise CustomerNotFound


async def _history(tx: Tx, value_ids: Sequence[UUID]) -> list[EntryOut]:
    rows = await tx.rows(_HISTORY, {"value_ids": list(value_ids)})
    return [EntryOut.model_validate(dict(row)) for row in rows]


def _good_for(value: ValueOut) -> tuple[bool, datetime]:
    return value.expires_at is None, value.expires_at or value.created_at


def _end_of(last_day: date | None, shop: Shop) -> datetime | None:
    """The midnight after a day, where the shop is.

    Raises:
        AlreadyOver: that was.
    """
    if last_day is None:
        return None
    end = datetime.combine(last_day + timedelta(days=1), time(), shop.zone).astimezone(UTC)
    if end <= clock.now():
        raise AlreadyOver(last_day=last_day)
    return end


def _out(row: asyncpg.Record) -> ValueOut:
    said = dict(row)
    balance = BalanceOut(**{name: said.pop(name) for name in BalanceOut.model_fields})
    return ValueOut.model_validate(said | {"balance": balance})
