"""Claims: units that came damaged, wrong or not at all, made good by their money or by other units at no charge.

A unit that is claimed is not sent back as well, and no unit is claimed twice, so nothing is made good two times. What a
claim gives back is its units' share of what was paid; what it sends is taken from stock like anything else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from commerce.identity.service import Shopper
from commerce.orders import applying, change_log, gift_sales
from commerce.orders.changes import Change, effect
from commerce.orders.drafting import preview_of, priced_as
from commerce.orders.held import Actor, Held, credit, enter, give, hold, save, start_due_refunds, tell
from commerce.orders.lines import at_most, by_line, written
from commerce.orders.offering import Wanted, offered
from commerce.orders.placed import look
from commerce.orders.states import CLAIM_STEPS, step
from commerce.payments import settlement
from commerce.pricing.schemas import ItemPrice
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound, Unprocessable
from foundation.events import ClaimRaised, ClaimResolved, ReturnedUnits
from foundation.ids import new_id
from foundation.veil import Personal

AT_ONCE = timedelta(minutes=1)
"""Replacements are held and claimed in one transaction."""


class ClaimNotFound(NotFound):
    """The order has no such claim."""

    code = "orders.claim_not_found"


class ClaimContradicts(Unprocessable):
    """A line is claimed once in a claim, for one reason."""

    code = "orders.claim_contradicts"


class ClaimRefundTooHigh(Conflict):
    """The units claimed are worth less than that, or what was paid for them went back already or was charged back."""

    code = "orders.claim_refund_too_high"

    amount: int
    refundable: int


class ReplacementTooLarge(Conflict):
    """No more units replace what is claimed than are claimed."""

    code = "orders.replacement_too_large"

    quantity: int
    possible: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """Units of a line with which something is wrong, and what."""

    line_id: UUID
    quantity: int
    reason: str


_RAISE = hot(
    text(
        """
        WITH raised AS (
            INSERT INTO order_claim (tenant_id, id, order_id, note, created_at, updated_at)
            VALUES (:tenant_id, :id, :order_id, :note, CAST(:at AS timestamptz), CAST(:at AS timestamptz))
            RETURNING id)
        INSERT INTO order_claim_line (tenant_id, id, claim_id, order_line_id, quantity, reason)
        SELECT :tenant_id, l.id, raised.id, l.line_id, l.quantity, l.reason
        FROM raised, unnest(CAST(:ids AS uuid[]), CAST(:line_ids AS uuid[]), CAST(:quantities AS bigint[]),
                            CAST(:reasons AS text[])) AS l (id, line_id, quantity, reason)
        """
    )
)

# The primary key and uq_order_claim_line
_FIND = hot(
    text(
        """
        SELECT c.status, l.order_line_id, l.quantity, l.reason
        FROM order_claim c JOIN order_claim_line l ON l.tenant_id = c.tenant_id AND l.claim_id = c.id
        WHERE c.tenant_id = :tenant_id AND c.id = :claim_id AND c.order_id = :order_id ORDER BY l.id
        """
    )
)

# The order's row is held.
_DECIDE = hot(
    text(
        """
        UPDATE order_claim SET status = :status, answer = :answer, refunded = :refunded,
                               change_id = CAST(:change_id AS uuid), updated_at = CAST(:at AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :claim_id
        """
    )
)


async def raise_claim(
    tx: Tx,
    order_id: UUID,
    actor: Actor,
    claimed: Sequence[Claimed],
    *,
    note: str = "",
    owner: Shopper | None = None,
) -> UUID:
    """Say that units came damaged, wrong or not at all; gives the claim's id.

    Raises:
        OrderNotFound, IllegalTransition, UnknownLine, TooManyUnits, ClaimContradicts: nothing is claimed.
    """
    held = await hold(tx, order_id, owner=owner)
    held.require("claim", actor)
    if len({line.line_id for line in claimed}) < len(claimed):
        raise ClaimContradicts
    for said in claimed:
        line = held.line(said.line_id)
        at_most(line.id, said.quantity, line.returnable)
        line.claimed += said.quantity
    claim_id = new_id()
    await tx.rows(
        _RAISE,
        {
            "id": claim_id,
            "order_id": held.id,
            "note": Personal(held.id, note),
            "at": clock.now(),
            "ids": [new_id() for _ in claimed],
            "line_ids": [line.line_id for line in claimed],
            "quantities": [line.quantity for line in claimed],
            "reasons": [line.reason for line in claimed],
        },
    )
    await save(held)
    await enter(held, "claim_raised", actor, note=note, claim_id=claim_id, lines=written(_units(claimed)))
    await tell(held, actor, ClaimRaised(order_id=held.id, claim_id=claim_id, lines=_told(held, claimed)))
    return claim_id


async def refund(
    tx: Tx,
    order_id: UUID,
    claim_id: UUID,
    actor: Actor,
    *,
    amount: int | None = None,
    to: str | None = None,
    answer: str = "",
) -> None:
    """Make a claim good by its units' share of the money, or by an `amount` of it in minor units.

    Raises:
        OrderNotFound, ClaimNotFound, IllegalTransition, NoCustomer, GiftCardUsed.
        ClaimRefundTooHigh: its units are worth less, or nothing any more; nothing is credited.
        RefundTooMuch: the actor may not give so much; nothing is credited.
    """
    held = await hold(tx, order_id)
    claimed = await _open(held, claim_id, actor, "refund")
    await gift_sales.void(held, _units(claimed), actor, "claimed")
    worth, after = 0, {line_id: replace(line) for line_id, line in held.lines.items()}
    for said in claimed:
        line = after[said.line_id]
        line.compensated += said.quantity
        worth += line.credit_given_up()
    balance = await settlement.balance(tx, held.id)
    reachable = balance.refundable + balance.due + balance.failing
    refundable = min(worth, held.total - held.credited, max(reachable, 0))
    wanted = refundable if amount is None else amount
    if not 0 < wanted <= refundable:
        raise ClaimRefundTooHigh(amount=wanted, refundable=refundable)
    if amount is None:
        held.lines = after
    await credit(held, actor, wanted)
    await start_due_refunds(held, reason="claim", to=to)
    await save(held)
    await _decided(held, claim_id, actor, "refunded", answer=answer, refunded=wanted)


async def replace_units(
    tx: Tx,
    order_id: UUID,
    claim_id: UUID,
    actor: Actor,
    *,
    wanted: Mapping[UUID, int] | None = None,
    answer: str = "",
) -> None:
    """Make a claim good by units at no charge, to be sent: the same again, or those `wanted`, by variant.

    They go where the first of those claimed went.

    Raises:
        OrderNotFound, ClaimNotFound, IllegalTransition, ReplacementTooLarge, GiftCardUsed.
        VariantNotForSale, OutOfStock: nothing is put in.
        RefundTooMuch: the units cost more today than the actor may give; nothing is put in.
    """
    held = await hold(tx, order_id)
    claimed = await _open(held, claim_id, actor, "replace")
    units = Counter(wanted or {})
    for said in claimed if wanted is None else ():
        units[held.line(said.line_id).variant_id] += said.quantity
    possible = sum(said.quantity for said in claimed)
    if units.total() > possible:
        raise ReplacementTooLarge(quantity=units.total(), possible=possible)
    await gift_sales.void(held, _units(claimed), actor, "claimed")
    change_id, change = await _put_in(held, actor, units, held.line(claimed[0].line_id).consignment_id, answer)
    await save(held)
    await _decided(held, claim_id, actor, "replaced", answer=answer, change=change, change_id=change_id)


async def reject(tx: Tx, order_id: UUID, claim_id: UUID, actor: Actor, *, answer: str = "") -> None:
    """Nothing is made good; the units can be claimed again, or sent back.

    Raises:
        OrderNotFound, ClaimNotFound, IllegalTransition.
    """
    held = await hold(tx, order_id)
    for said in await _open(held, claim_id, actor, "reject"):
        held.line(said.line_id).claimed -= said.quantity
    await save(held)
    await _decided(held, claim_id, actor, "rejected", answer=answer)


async def _open(held: Held, claim_id: UUID, actor: Actor, decision: str) -> list[Claimed]:
    held.require("decide_claim", actor)
    rows = await held.tx.rows(_FIND, {"claim_id": claim_id, "order_id": held.id})
    if not rows:
        raise ClaimNotFound
    step(CLAIM_STEPS, rows[0]["status"], decision)
    return [Claimed(row["order_line_id"], row["quantity"], row["reason"]) for row in rows]


async def _put_in(
    held: Held, actor: Actor, units: Mapping[UUID, int], consignment_id: UUID | None, note: str
) -> tuple[UUID, Change]:
    """Units at no charge become part of the order, by a change of its own."""
    placed = await look(held)
    wanted = [Wanted(variant_id, quantity, consignment_id) for variant_id, quantity in units.items()]
    offers = await offered(held.tx, wanted, **placed.whose())
    await give(held, actor, sum(offer.total for offer in offers))
    change = Change([priced_as(offer, _at_no_charge(offer.price), ()) for offer in offers])
    made = effect(placed.sums, held.lines, change, placed.charges)
    preview = preview_of(placed, change, made)
    change_id = await change_log.open_change(
        held, "claim", change, preview, note=note, expires_at=clock.now() + AT_ONCE
    )
    kept = await change_log.find(held.tx, held.id, change_id)
    await applying.reserve(held, kept)
    await applying.apply(held, placed, kept, made)
    return change_id, change


def _at_no_charge(price: ItemPrice) -> ItemPrice:
    said = {"amount": 0, "source": "replacement", "reason": "replaces what was claimed", "until": None}
    return price.model_copy(update={**said, "decision_id": None})


async def _decided(
    held: Held,
    claim_id: UUID,
    actor: Actor,
    status: str,
    *,
    answer: str,
    refunded: int = 0,
    change: Change | None = None,
    change_id: UUID | None = None,
) -> None:
    values = {
        "claim_id": claim_id,
        "status": status,
        "answer": Personal(held.id, answer),
        "refunded": refunded,
        "change_id": change_id,
    }
    await held.tx.rows(_DECIDE, {**values, "at": clock.now()})
    added = applying.added_lines(change) if change else []
    said = written({line.line_id: line.quantity for line in added})
    await enter(held, f"claim_{status}", actor, note=answer, claim_id=claim_id, amount=refunded, added=said)
    told = {"order_id": held.id, "claim_id": claim_id, "outcome": status, "refunded": refunded, "replaced_by": added}
    await tell(held, actor, ClaimResolved.model_validate(told))


def _units(claimed: Sequence[Claimed]) -> dict[UUID, int]:
    return by_line((line.line_id, line.quantity) for line in claimed)


def _told(held: Held, claimed: Sequence[Claimed]) -> list[ReturnedUnits]:
    return [
        ReturnedUnits(
            line_id=said.line_id,
            product_id=held.line(said.line_id).product_id,
            variant_id=held.line(said.line_id).variant_id,
            quantity=said.quantity,
            reason=said.reason,
        )
        for said in claimed
    ]
