"""Giving money back without goods coming back: out of goodwill, or for some units of a line."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from commerce.orders import gift_sales
from commerce.orders.held import Actor, Held, credit, enter, hold, save, start_due_refunds
from commerce.orders.lines import at_most, by_line
from commerce.payments import settlement
from commerce.payments.settlement import RefundExceedsCaptured
from foundation.database import Tx


async def refund_amount(
    tx: Tx, order_id: UUID, actor: Actor, *, amount: int, reason: str, to: str | None = None
) -> None:
    """Credit an amount (minor units) and start to give it back: to where it came from, or to what `to` names.

    Raises:
        OrderNotFound, IllegalTransition, NoCustomer.
        RefundExceedsCaptured, RefundTooMuch: there is not so much left, or the actor may not; nothing is credited.
    """
    held = await hold(tx, order_id)
    held.require("refund", actor)
    balance = await settlement.balance(tx, held.id)
    refundable = min(balance.refundable, held.total - held.credited)
    if amount > refundable:
        raise RefundExceedsCaptured(amount=amount, refundable=refundable)
    await credit(held, actor, amount)
    await start_due_refunds(held, reason=reason, to=to)
    await _started(held, actor, reason)


async def refund_units(
    tx: Tx, order_id: UUID, actor: Actor, *, lines: Iterable[tuple[UUID, int]], reason: str, to: str | None = None
) -> None:
    """Credit the share of units by line that have not been credited, and start to give it back.

    Raises:
        OrderNotFound, IllegalTransition, UnknownLine, TooManyUnits, NoCustomer, RefundTooMuch: nothing is credited.
        GiftCardUsed: cards are not given back that were spent from, or never sent.
    """
    held = await hold(tx, order_id)
    held.require("refund", actor)
    credited, units = 0, by_line(lines)
    await gift_sales.void(held, units, actor, reason)
    for line_id, quantity in units.items():
        line = held.line(line_id)
        at_most(line_id, quantity, line.quantity - line.credited)
        credited += line.credit(line.credited + quantity)
    await credit(held, actor, credited)
    await start_due_refunds(held, reason=reason, to=to)
    await _started(held, actor, reason)


async def retry(tx: Tx, order_id: UUID, actor: Actor, *, to: str | None = None) -> None:
    """Start again to give back what is credited and could not be given back; nothing happens when all was.

    It counted against the limit of whoever credited it.

    Raises:
        OrderNotFound, IllegalTransition, NoCustomer.
    """
    held = await hold(tx, order_id)
    held.require("refund", actor)
    if await start_due_refunds(held, reason="retried", to=to):
        await _started(held, actor, "retried")


async def _started(held: Held, actor: Actor, reason: str) -> None:
    await save(held)
    await enter(held, "refund_requested", actor, note=reason, credited=held.credited)
