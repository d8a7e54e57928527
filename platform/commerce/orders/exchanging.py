"""Exchanges: a return whose worth pays for other units.

What is wanted is held when the return is approved and becomes part of the order when the return has come in, or at once
if staff trust the customer. What the return is worth beyond it goes back; what it lacks is asked for, and until that is
paid the return's worth is kept back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from commerce.inventory import service as inventory
from commerce.orders import applying, change_log
from commerce.orders.change_log import ChangeOver, Kept
from commerce.orders.change_schemas import Preview
from commerce.orders.changes import Change, Effect, effect
from commerce.orders.drafting import changed, preview_of
from commerce.orders.held import Actor, Held, enter, give, save, save_states, start_due_refunds, tell
from commerce.orders.lines import written
from commerce.orders.offering import Wanted
from commerce.orders.placed import Placed, look
from commerce.taxes.quotes import Quote
from foundation import clock
from foundation.errors import Conflict
from foundation.events import ExchangeCompleted, ExchangeRequested

HELD_FOR = timedelta(days=30)
"""How long a return may take to come in: until then what is wanted for it is promised at its price, and held."""


class ExchangeToBePaid(Conflict):
    """What is wanted costs more than the return is worth, so it is sent once that is paid."""

    code = "orders.exchange_to_be_paid"

    difference: int


class DifferenceChanged(Conflict):
    """The exchange comes to something else by now; have a look at it again."""

    code = "orders.difference_changed"

    difference: int


async def thought_out(
    held: Held, back: Mapping[UUID, int], wanted: Mapping[UUID, int], *, quote: Quote | None = None
) -> tuple[Change, Preview]:
    """What is wanted for units that come back, and what that and their worth make of the order.

    Raises:
        VariantNotForSale, OutOfStock, TermsUnknown, TaxesUnquoted.
    """
    placed = await look(held)
    where = held.line(next(iter(back))).consignment_id
    asked = [Wanted(variant_id, quantity, where) for variant_id, quantity in wanted.items()]
    change = await changed(held, placed, asked, quote=quote)
    returned = {line_id: replace(line) for line_id, line in held.lines.items()}
    worth = 0
    for line_id, quantity in back.items():
        line = returned[line_id]
        line.returned += quantity
        worth += line.credit_given_up()
    sums = replace(placed.sums, credited=placed.sums.credited + min(worth, placed.sums.owed))
    made = effect(sums, returned, change, placed.charges)
    return change, preview_of(placed, change, replace(made, difference=made.sums.owed - placed.sums.owed))


async def ask(
    held: Held,
    return_id: UUID,
    back: Mapping[UUID, int],
    wanted: Mapping[UUID, int],
    actor: Actor,
    *,
    expected: int | None = None,
    quote: Quote | None = None,
) -> None:
    """Say which units, by variant, are wanted for those of a return, by line; they go where the first of those went.

    Raises:
        DifferenceChanged: it comes to something else than whoever asks `expected`.
        VariantNotForSale, OutOfStock, TermsUnknown, TaxesUnquoted: nothing is asked.
    """
    change, preview = await thought_out(held, back, wanted, quote=quote)
    if expected is not None and expected != preview.difference:
        raise DifferenceChanged(difference=preview.difference)
    change_id = await change_log.open_change(
        held, "exchange", change, preview, note="", expires_at=clock.now() + HELD_FOR, return_id=return_id
    )
    units = {added.line_id: added.quantity for added in change.added}
    await enter(held, "exchange_requested", actor, return_id=return_id, change_id=change_id, added=written(units))
    added = applying.added_lines(change)
    await tell(held, actor, ExchangeRequested(order_id=held.id, return_id=return_id, change_id=change_id, wanted=added))


async def approve(held: Held, return_id: UUID, actor: Actor, *, send_now: bool) -> None:
    """Hold what is wanted for a return; with `send_now` it becomes part of the order before the return is here.

    Raises:
        OutOfStock: nothing is held.
        ExchangeToBePaid: it can't be sent now.
        RefundTooMuch: it is worth more than the actor may give, and nothing has come back for it.
    """
    kept = await change_log.of_return(held.tx, held.id, return_id)
    if kept is None:
        return
    if send_now and kept.preview.difference > 0:
        raise ExchangeToBePaid(difference=kept.preview.difference)
    await applying.reserve(held, kept)
    await change_log.become(held.tx, kept.id, "approved", was="draft")
    if send_now:
        await give(held, actor, _worth(kept))
        await _apply(held, replace(kept, status="approved"), actor)
        await save(held)


async def sent_ahead(held: Held, return_id: UUID) -> int:
    """What was sent for a return before it came in, in minor units: it counted against a limit then."""
    kept = await change_log.of_return(held.tx, held.id, return_id)
    return _worth(kept) if kept is not None and kept.status == "confirmed" else 0


def _worth(kept: Kept) -> int:
    return sum(added.total for added in kept.change.added)


async def call_off(held: Held, return_id: UUID) -> None:
    """Nothing is wanted for a return any more."""
    kept = await change_log.of_return(held.tx, held.id, return_id)
    if kept is not None and kept.status in ("draft", "approved"):
        await change_log.become(held.tx, kept.id, "cancelled", was=kept.status)
        await inventory.release(held.tx, kept.id)


async def settle(held: Held, return_id: UUID, worth: int, actor: Actor) -> None:
    """A return came in and is credited: send what is wanted for it, or ask for what its worth lacks.

    When what was held for it has been given back meanwhile, nothing is sent and the worth is refunded.
    """
    kept = await change_log.of_return(held.tx, held.id, return_id)
    if kept is None or kept.status != "approved":
        return
    if kept.expires_at <= clock.now():
        await call_off(held, return_id)
        return
    lacking = _made(held, await look(held), kept).difference - worth
    if lacking <= 0:
        await _apply(held, kept, actor)
        return
    await change_log.become(held.tx, kept.id, "awaiting_payment", was="approved", asked=lacking, kept_back=worth)
    await enter(held, "exchange_awaits_payment", actor, change_id=kept.id, amount=lacking)


async def paid(held: Held, kept: Kept, actor: Actor) -> None:
    """Send what is wanted, now that what the return lacked is paid.

    Raises:
        ChangeOver: it is too late; the transaction has to be rolled back and the payment let go.
    """
    if kept.status != "awaiting_payment" or kept.expires_at <= clock.now():
        raise ChangeOver(state=kept.status)
    await _apply(held, kept, actor)
    await start_due_refunds(held, reason="exchanged")
    await save(held)


async def drop(held: Held, kept: Kept, actor: Actor) -> None:
    """Nobody paid what the return lacked: its worth goes back.

    Raises:
        ChangeOver: it is sent, or was given up before.
    """
    if kept.status != "awaiting_payment":
        raise ChangeOver(state=kept.status)
    await change_log.become(held.tx, kept.id, "cancelled", was=kept.status, asked=kept.asked)
    await inventory.release(held.tx, kept.id)
    await start_due_refunds(held, reason="not exchanged")
    await save_states(held)
    await enter(held, "exchange_dropped", actor, change_id=kept.id)


def _made(held: Held, placed: Placed, kept: Kept) -> Effect:
    return effect(placed.sums, held.lines, kept.change, placed.charges)


async def _apply(held: Held, kept: Kept, actor: Actor) -> None:
    if kept.return_id is None:
        raise RuntimeError("an exchange has a return")
    placed = await look(held)
    await applying.apply(held, placed, kept, _made(held, placed, kept))
    units = {added.line_id: added.quantity for added in kept.change.added}
    await enter(held, "exchanged", actor, return_id=kept.return_id, change_id=kept.id, added=written(units))
    added = applying.added_lines(kept.change)
    said = ExchangeCompleted(order_id=held.id, return_id=kept.return_id, change_id=kept.id, added=added)
    await tell(held, actor, said)
