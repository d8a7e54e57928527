"""Giving up what has not left the warehouse."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from commerce.delivery import slots
from commerce.identity.service import Shopper
from commerce.inventory import allocation
from commerce.orders import rules
from commerce.orders.held import (
    Actor,
    Held,
    by_variant,
    credit,
    enter,
    hold,
    open_units,
    save,
    start_due_refunds,
    tell,
    told,
)
from commerce.orders.lines import written
from commerce.payments import settlement
from commerce.promotions import service as promotions
from foundation.database import Tx
from foundation.events import OrderCancelled


async def cancel(
    tx: Tx,
    order_id: UUID,
    actor: Actor,
    *,
    reason: str,
    lines: Iterable[tuple[UUID, int]] | None = None,
    owner: Shopper | None = None,
) -> None:
    """Cancel units by line, or all that have not left; their stock is released and their share credited.

    When nothing of the order is left, all of it is credited, shipping too, and a payment whose capture has not begun is
    let go. The provider is asked afterwards, by `Money.settle`.

    Raises:
        OrderNotFound, IllegalTransition, UnknownLine, TooManyUnits, RefundTooMuch: nothing is cancelled.
        CancelWindowClosed: the shop gives its shoppers less time.
    """
    held = await hold(tx, order_id, owner=owner)
    held.require("cancel", actor)
    if actor.role == "shopper":
        await rules.require_cancellable(tx, held.id)
    units = open_units(held, lines)
    credited = 0
    for line_id, quantity in units.items():
        line = held.line(line_id)
        line.cancelled += quantity
        credited += line.credit_given_up()
    whole = all(line.cancelled == line.quantity for line in held.lines.values())
    if whole:
        await slots.give_back(tx, held.id)
        await settlement.begin_void(tx, held.id)
    given = None if await _goes_back(held) else 0
    credited = await credit(held, actor, held.total if whole else credited, given=given)
    await allocation.release(tx, held.id, by_variant(held, units), reference_id=held.id)
    if whole:
        await promotions.give_back(tx, held.id)
    await start_due_refunds(held, reason=reason)
    await save(held)
    await enter(held, "cancelled", actor, note=reason, lines=written(units), whole=whole, credited=credited)
    await tell(held, actor, OrderCancelled(order_id=held.id, reason=reason, lines=told(held, units), whole=whole))


async def _goes_back(held: Held) -> bool:
    """Whether money has come, or is being taken: otherwise what is credited for units that stay here costs nothing."""
    balance = await settlement.balance(held.tx, held.id)
    return bool(balance.taken or balance.held)
