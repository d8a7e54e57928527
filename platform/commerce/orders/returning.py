"""Returns: requested, approved or rejected, received; what arrived is credited, and restocked or written off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from commerce.identity.service import Shopper
from commerce.inventory import keeping
from commerce.inventory.coming_back import SentBack
from commerce.orders import exchanging, gift_sales, rules
from commerce.orders.change_schemas import Preview
from commerce.orders.held import Actor, Held, credit, enter, hold, save, start_due_refunds, tell
from commerce.orders.lines import UnknownLine, at_most, by_line, written
from commerce.orders.states import RETURN_STEPS, step
from commerce.taxes.quotes import Quote
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import NotFound
from foundation.events import ReturnedUnits, ReturnReceived, ReturnRequested
from foundation.ids import new_id
from foundation.veil import Personal


class ReturnNotFound(NotFound):
    """The order has no such return."""

    code = "orders.return_not_found"


@dataclass(frozen=True, slots=True)
class Announced:
    """Units of a line that are to come back, and why."""

    line_id: UUID
    quantity: int
    reason: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """Units of a line that came back, whether they can be sold again, and how they were found."""

    line_id: UUID
    quantity: int
    restock: bool
    condition: str = "as_new"
    note: str = ""
    lot: str | None = None
    """The code that they carry, where somebody looked."""


_REQUEST = hot(
    text(
        """
        WITH asked AS (
            INSERT INTO order_return (tenant_id, id, order_id, status, note, created_at, updated_at)
            VALUES (:tenant_id, :id, :order_id, :status, :note, CAST(:at AS timestamptz), CAST(:at AS timestamptz))
            RETURNING id)
        INSERT INTO order_return_line (tenant_id, id, return_id, order_line_id, quantity, reason)
        SELECT :tenant_id, l.id, asked.id, l.line_id, l.quantity, l.reason
        FROM asked, unnest(CAST(:ids AS uuid[]), CAST(:line_ids AS uuid[]), CAST(:quantities AS bigint[]),
                           CAST(:reasons AS text[])) AS l (id, line_id, quantity, reason)
        """
    )
)

_FIND = hot(
    text(
        """
        SELECT r.status, l.order_line_id, l.quantity, l.reason
        FROM order_return r JOIN order_return_line l ON l.tenant_id = r.tenant_id AND l.return_id = r.id
        WHERE r.tenant_id = :tenant_id AND r.id = :return_id AND r.order_id = :order_id ORDER BY l.id
        """
    )
)

_DECIDE = hot(
    text(
        """
        UPDATE order_return SET status = :status, updated_at = CAST(:at AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :return_id
        """
    )
)

# What arrived of a line fills the rows that announced it, in their order.
_RECEIVE = hot(
    text(
        """
        WITH arrived AS (
            SELECT * FROM unnest(CAST(:line_ids AS uuid[]), CAST(:received AS bigint[]), CAST(:restocked AS bigint[]))
                     AS a (line_id, received, restocked)),
        rows AS (
            SELECT l.id, l.quantity, a.received, a.restocked,
                   sum(l.quantity) OVER (PARTITION BY l.order_line_id ORDER BY l.id) - l.quantity AS before
            FROM order_return_line l JOIN arrived a ON a.line_id = l.order_line_id
            WHERE l.tenant_id = :tenant_id AND l.return_id = :return_id)
        UPDATE order_return_line l
        SET received = least(greatest(rows.received - rows.before, 0), rows.quantity),
            restocked = least(greatest(rows.restocked - rows.before, 0), rows.quantity)
        FROM rows WHERE l.tenant_id = :tenant_id AND l.id = rows.id
        """
    )
)

_INSPECT = hot(
    text(
        """
        INSERT INTO return_inspection (tenant_id, id, return_id, order_line_id, quantity, condition, restocked, note)
        SELECT :tenant_id, i.id, :return_id, i.line_id, i.quantity, i.condition, i.restocked, i.note
        FROM unnest(CAST(:ids AS uuid[]), CAST(:line_ids AS uuid[]), CAST(:quantities AS bigint[]),
                    CAST(:conditions AS text[]), CAST(:restocked AS boolean[]), CAST(:notes AS text[]))
             AS i (id, line_id, quantity, condition, restocked, note)
        """
    )
)


async def request(
    tx: Tx,
    order_id: UUID,
    actor: Actor,
    announced: Sequence[Announced],
    *,
    note: str,
    wanted: Mapping[UUID, int] | None = None,
    expected: int | None = None,
    override: str = "",
    owner: Shopper | None = None,
    quote: Quote | None = None,
) -> UUID:
    """Announce units that come back; gives the return's id. What staff announce is approved at once.

    Units `wanted` for them, by variant, make it an exchange, for the difference that is `expected`, if any is named.
    Staff with a reason to `override` may be too late.

    Raises:
        ReturnWindowClosed: they were delivered too long ago; nothing is announced.
        OrderNotFound, IllegalTransition, UnknownLine, TooManyUnits: nothing is announced.
        VariantNotForSale, OutOfStock, TermsUnknown, DifferenceChanged: of what is wanted; nothing is announced.
        TaxesUnquoted: an engine has to be asked first, as `taxing.asking` does.
    """
    held = await hold(tx, order_id, owner=owner)
    units = await _announced(held, actor, announced, override)
    return_id = new_id()
    await tx.rows(
        _REQUEST,
        {
            "id": return_id,
            "order_id": held.id,
            "status": "approved" if actor.role == "staff" else "requested",
            "note": Personal(held.id, note),
            "at": clock.now(),
            "ids": [new_id() for _ in announced],
            "line_ids": [line.line_id for line in announced],
            "quantities": [line.quantity for line in announced],
            "reasons": [line.reason for line in announced],
        },
    )
    await save(held)
    said: dict[str, Any] = {"override": override} if override else {}
    await enter(held, "return_requested", actor, note=note, return_id=return_id, lines=written(units), **said)
    reasons = {line.line_id: line.reason for line in announced}
    await tell(held, actor, ReturnRequested(order_id=held.id, return_id=return_id, lines=_told(held, units, reasons)))
    if wanted:
        await exchanging.ask(held, return_id, units, wanted, actor, expected=expected, quote=quote)
        if actor.role == "staff":
            await exchanging.approve(held, return_id, actor, send_now=False)
    return return_id


async def preview(
    tx: Tx,
    order_id: UUID,
    actor: Actor,
    announced: Sequence[Announced],
    wanted: Mapping[UUID, int],
    *,
    owner: Shopper | None = None,
    quote: Quote | None = None,
) -> Preview:
    """What an exchange would make of an order; nothing is announced.

    Raises:
        ReturnWindowClosed, OrderNotFound, IllegalTransition, UnknownLine, TooManyUnits.
        VariantNotForSale, OutOfStock, TermsUnknown, TaxesUnquoted: of what is wanted.
    """
    held = await hold(tx, order_id, owner=owner)
    units = await _announced(held, actor, announced, "")
    _, made = await exchanging.thought_out(held, units, wanted, quote=quote)
    return made


async def approve(
    tx: Tx, order_id: UUID, return_id: UUID, actor: Actor, *, note: str = "", send_now: bool = False
) -> None:
    """The units may be sent. What is wanted for them is held, and sent before they are here with `send_now`.

    Raises:
        OrderNotFound, ReturnNotFound, IllegalTransition.
        OutOfStock, ExchangeToBePaid, RefundTooMuch: of what is wanted; nothing is approved.
    """
    held = await hold(tx, order_id)
    await _found(held, return_id, "approve")
    await tx.rows(_DECIDE, {"return_id": return_id, "status": "approved", "at": clock.now()})
    await enter(held, "return_approved", actor, note=note, return_id=return_id)
    await exchanging.approve(held, return_id, actor, send_now=send_now)


async def reject(tx: Tx, order_id: UUID, return_id: UUID, actor: Actor, *, note: str = "") -> None:
    """The units stay with the customer.

    Raises:
        OrderNotFound, ReturnNotFound, IllegalTransition.
    """
    held = await hold(tx, order_id)
    for announced in await _found(held, return_id, "reject"):
        held.line(announced.line_id).in_return -= announced.quantity
    await tx.rows(_DECIDE, {"return_id": return_id, "status": "rejected", "at": clock.now()})
    await exchanging.call_off(held, return_id)
    await save(held)
    await enter(held, "return_rejected", actor, note=note, return_id=return_id)


async def receive(
    tx: Tx,
    order_id: UUID,
    return_id: UUID,
    actor: Actor,
    arrived: Sequence[Arrived] | None,
    *,
    warehouse: str,
    refund_to: str | None = None,
) -> None:
    """Take in what arrived: all that was announced, unless said otherwise. The return is over then.

    What arrived is credited by its share of the line's total, and the refund is started.

    Raises:
        OrderNotFound, ReturnNotFound, IllegalTransition, UnknownLine, TooManyUnits, UnknownWarehouse, NotOfThatLot,
            LotDiffers, GiftCardUsed, NoCustomer: nothing is taken.
        RefundTooMuch: the actor may not give so much back; nothing is taken.
    """
    held = await hold(tx, order_id)
    announced = await _found(held, return_id, "receive")
    expected = by_line((line.line_id, line.quantity) for line in announced)
    if arrived is None:
        arrived = [Arrived(line_id, quantity, restock=True) for line_id, quantity in expected.items()]
    units = by_line((line.line_id, line.quantity) for line in arrived)
    restocked = by_line((line.line_id, line.quantity if line.restock else 0) for line in arrived)
    for line_id, quantity in units.items():
        if line_id not in expected:
            raise UnknownLine(line_id=line_id)
        at_most(line_id, quantity, expected[line_id])
    credited = 0
    for line_id, quantity in expected.items():
        line = held.line(line_id)
        line.in_return -= quantity
        line.returned += units.get(line_id, 0)
        credited += line.credit_given_up()
    ahead = await exchanging.sent_ahead(held, return_id)
    credited = await credit(held, actor, credited, given=max(credited - ahead, 0))
    await gift_sales.void(held, units, actor, "returned")
    over = await keeping.take_back(
        tx,
        warehouse,
        held.id,
        _sent_back(held, arrived),
        reason="return",
        reference_id=return_id,
        limits=actor.limits,
    )
    restocked = _sold_again(held, restocked, over)
    values = {"line_ids": list(units), "received": list(units.values()), "restocked": [restocked[i] for i in units]}
    await tx.rows(_RECEIVE, {"return_id": return_id, **values})
    await tx.rows(_INSPECT, {"return_id": return_id, **_inspected(order_id, arrived)})
    await tx.rows(_DECIDE, {"return_id": return_id, "status": "received", "at": clock.now()})
    if any(units.values()):
        await exchanging.settle(held, return_id, credited, actor)
    else:
        await exchanging.call_off(held, return_id)
    await start_due_refunds(held, reason="return", to=refund_to)
    await save(held)
    await enter(held, "return_received", actor, return_id=return_id, lines=written(units), credited=credited)
    reasons = {line.line_id: line.reason for line in announced}
    await tell(held, actor, ReturnReceived(order_id=held.id, return_id=return_id, lines=_told(held, units, reasons)))


async def _announced(held: Held, actor: Actor, announced: Sequence[Announced], override: str) -> dict[UUID, int]:
    """The units by line that are to come back, counted as such in the lines that are held."""
    held.require("request_return", actor)
    units = by_line((line.line_id, line.quantity) for line in announced)
    for line_id, quantity in units.items():
        line = held.line(line_id)
        at_most(line_id, quantity, line.returnable)
        line.in_return += quantity
    if not (override and actor.role == "staff"):
        await rules.require_returnable(held.tx, held.id, units)
    return units


async def _found(held: Held, return_id: UUID, action: str) -> list[Announced]:
    rows = await held.tx.rows(_FIND, {"return_id": return_id, "order_id": held.id})
    if not rows:
        raise ReturnNotFound
    step(RETURN_STEPS, rows[0]["status"], action)
    return [Announced(row["order_line_id"], row["quantity"], row["reason"]) for row in rows]


def _inspected(order_id: UUID, arrived: Sequence[Arrived]) -> dict[str, object]:
    found = [line for line in arrived if line.quantity]
    return {
        "ids": [new_id() for _ in found],
        "line_ids": [line.line_id for line in found],
        "quantities": [line.quantity for line in found],
        "conditions": [line.condition for line in found],
        "restocked": [line.restock for line in found],
        "notes": Personal(order_id, [line.note for line in found]),
    }


def _sent_back(held: Held, arrived: Sequence[Arrived]) -> list[SentBack]:
    """By variant and lot: two lines of an order may share one, and a bundle comes back as its components."""
    product: dict[UUID, UUID] = {}
    good, bad = Counter[tuple[UUID, str | None]](), Counter[tuple[UUID, str | None]]()
    for line in arrived:
        for need in held.line(line.line_id).needs if line.quantity else ():
            product[need.variant_id] = need.product_id
            found = good if line.restock else bad
            found[need.variant_id, line.lot] += line.quantity * need.quantity
    return [
        SentBack(variant_id, product[variant_id], good[variant_id, lot], bad[variant_id, lot], lot)
        for variant_id, lot in dict.fromkeys((*good, *bad))
    ]


def _sold_again(held: Held, restocked: Mapping[UUID, int], over: Mapping[UUID, int]) -> dict[UUID, int]:
    """The units, by line, that are sold again after all: without those, by variant, whose lots are over."""
    left, found = Counter(over), dict[UUID, int]()
    for line_id, quantity in restocked.items():
        needs = held.line(line_id).needs
        lost = min(quantity, max(-(-left[need.variant_id] // need.quantity) for need in needs))
        for need in needs:
            left[need.variant_id] -= min(left[need.variant_id], lost * need.quantity)
        found[line_id] = quantity - lost
    return found


def _told(held: Held, units: Mapping[UUID, int], reasons: Mapping[UUID, str]) -> list[ReturnedUnits]:
    return [
        ReturnedUnits(
            line_id=line.id,
            product_id=line.product_id,
            variant_id=line.variant_id,
            quantity=units[line.id],
            reason=reasons[line.id],
        )
        for line in held.lines.values()
        if units.get(line.id)
    ]
