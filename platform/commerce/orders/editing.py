"""Editing an order of which something has not left: a draft with a preview, and exactly that when it is confirmed.

An edit that makes the order dearer waits, with what it adds held for it, until `paying` has seen the difference paid.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from commerce.identity.service import Shopper
from commerce.inventory import service as inventory
from commerce.orders import applying, change_log, exchanging, rules
from commerce.orders.change_log import ChangeOver, Kept
from commerce.orders.change_schemas import ChangeOut, EditAction, ShopperEditAction
from commerce.orders.changes import Effect, effect
from commerce.orders.drafting import preview_of, resolve
from commerce.orders.held import Actor, Held, enter, give, hold, save, start_due_refunds, tell, told
from commerce.orders.lines import written
from commerce.orders.placed import Placed, look
from commerce.taxes.quotes import Quote
from foundation import clock
from foundation.database import Tx
from foundation.errors import Conflict, Unprocessable
from foundation.events import OrderEdited

PROMISED_FOR = timedelta(hours=24)
"""How long a draft's prices hold, and how long what it adds is held while it waits to be paid."""


class EditLeavesNothing(Unprocessable):
    """An edit leaves something to deliver; an order is given up by cancelling it."""

    code = "orders.edit_leaves_nothing"


class OrderOutdated(Conflict):
    """The order has changed since the preview was made."""

    code = "orders.outdated"

    expected: int
    version: int


async def draft(
    tx: Tx,
    order_id: UUID,
    actor: Actor,
    actions: Sequence[EditAction | ShopperEditAction],
    *,
    note: str = "",
    owner: Shopper | None = None,
    quote: Quote | None = None,
) -> UUID:
    """Think an edit out; gives its id. Nothing of the order changes.

    Raises:
        OrderNotFound, IllegalTransition, UnknownLine, TooManyUnits, WhichAddress, ConsignmentNotFound.
        VariantNotForSale, OutOfStock, TermsUnknown, AddressFixed, AddressInvalid, DeliveryUnavailable.
        EditContradicts, EditChangesNothing, EditLeavesNothing.
        CancelWindowClosed: a shopper takes something out too late.
        TaxesUnquoted: an engine has to be asked first, as `taxing.asking` does.
    """
    held = await hold(tx, order_id, owner=owner)
    held.require("edit", actor)
    placed = await look(held)
    change = await resolve(held, placed, actions, actor, quote=quote)
    if actor.role == "shopper" and change.removed:
        await rules.require_cancellable(tx, held.id)
    made = effect(placed.sums, held.lines, change, placed.charges)
    if all(line.cancelled == line.quantity for line in made.lines.values()):
        raise EditLeavesNothing
    preview = preview_of(placed, change, made)
    expires_at = clock.now() + PROMISED_FOR
    return await change_log.open_change(
        held, "edit", change, preview, note=note, expires_at=expires_at, retaxed=made.retaxed
    )


async def confirm(
    tx: Tx, order_id: UUID, change_id: UUID, actor: Actor, *, version: int, owner: Shopper | None = None
) -> None:
    """Do what a draft's preview says; when the order gets dearer, hold what is added until the difference is paid.

    Raises:
        OrderNotFound, ChangeNotFound, ChangeOver, IllegalTransition, OutOfStock.
        OrderOutdated: the order is not what the preview was made of.
        RefundTooMuch: it becomes cheaper by more than the actor may give back.
    """
    held = await hold(tx, order_id, owner=owner)
    kept = await change_log.find(tx, order_id, change_id)
    held.require("edit", actor)
    if kept.kind != "edit":
        raise ChangeOver(state=kept.status)
    placed = await look(held)
    made = _remade(held, placed, kept, "draft", version)
    if made.difference > 0:
        await applying.reserve(held, kept)
        await change_log.become(tx, change_id, "awaiting_payment", was="draft", asked=made.difference)
        await enter(held, "edit_awaits_payment", actor, change_id=change_id, amount=made.difference)
        return
    await give(held, actor, -made.difference)
    await applying.lock(held, kept.change)
    await applying.reserve(held, kept)
    await _apply(held, placed, kept, made, actor)


async def paid(held: Held, change_id: UUID, actor: Actor) -> None:
    """Do what a change says, now that its difference is paid.

    Raises:
        ChangeNotFound, ChangeOver: it is too late; the transaction has to be rolled back and the payment let go.
        OrderOutdated: the order is not what the preview was made of.
    """
    kept = await change_log.find(held.tx, held.id, change_id)
    if kept.kind == "exchange":
        await exchanging.paid(held, kept, actor)
        return
    placed = await look(held)
    made = _remade(held, placed, kept, "awaiting_payment", held.version)
    await _apply(held, placed, kept, made, actor)


async def drop(tx: Tx, order_id: UUID, change_id: UUID, actor: Actor, *, owner: Shopper | None = None) -> None:
    """Give a change up: nothing of the order has changed, and what was held for it is given back.

    Raises:
        OrderNotFound, ChangeNotFound.
        ChangeOver: it is confirmed, or was given up before.
    """
    held = await hold(tx, order_id, owner=owner)
    kept = await change_log.find(tx, order_id, change_id)
    if kept.kind == "exchange":
        await exchanging.drop(held, kept, actor)
        return
    if kept.status not in ("draft", "awaiting_payment"):
        raise ChangeOver(state=kept.status)
    await change_log.become(tx, change_id, "cancelled", was=kept.status, asked=kept.asked)
    await inventory.release(tx, change_id)
    await enter(held, "edit_dropped", actor, change_id=change_id)


async def read(tx: Tx, order_id: UUID, change_id: UUID) -> ChangeOut:
    """A change with its preview.

    Raises:
        ChangeNotFound.
    """
    kept = await change_log.find(tx, order_id, change_id)
    return ChangeOut(
        id=kept.id,
        order_id=order_id,
        kind=kept.kind,
        status=kept.status,
        version=kept.version,
        asked=kept.asked,
        return_id=kept.return_id,
        note=kept.note,
        expires_at=kept.expires_at,
        preview=kept.preview,
    )


def _remade(held: Held, placed: Placed, kept: Kept, status: str, version: int) -> Effect:
    """The effect of a change that is in this state and was made of this version: what its preview says."""
    if kept.status != status or kept.expires_at <= clock.now():
        raise ChangeOver(state=kept.status)
    if not version == kept.version == held.version:
        raise OrderOutdated(expected=version, version=held.version)
    made = effect(placed.sums, held.lines, kept.change, placed.charges)
    if preview_of(placed, kept.change, made) != kept.preview:
        raise OrderOutdated(expected=version, version=held.version)
    return made


async def _apply(held: Held, placed: Placed, kept: Kept, made: Effect, actor: Actor) -> None:
    change = kept.change
    removed = told(held, change.removed)
    await applying.apply(held, placed, kept, made)
    await start_due_refunds(held, reason="edited")
    await save(held)
    await enter(
        held,
        "edited",
        actor,
        note=kept.note,
        change_id=kept.id,
        added=written({added.line_id: added.quantity for added in change.added}),
        removed=written(change.removed),
        difference=made.difference,
        address_changed=bool(change.moved),
        delivery_note_changed=change.delivery_note is not None,
    )
    await tell(
        held,
        actor,
        OrderEdited(
            order_id=held.id,
            change_id=kept.id,
            added=applying.added_lines(change),
            removed=removed,
            difference=made.difference,
            total=made.sums.total,
            address_changed=bool(change.moved),
        ),
    )
