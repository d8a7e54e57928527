"""What an edit asks for, made into a change: units out of which line, units in at what price, and where it goes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from uuid import UUID

from commerce.cart.service import DeliveryUnavailable
from commerce.cart.terms import TaxAmount
from commerce.delivery import addresses
from commerce.delivery.schemas import AddressOut, DeliveryOut
from commerce.orders.change_schemas import (
    AddUnits,
    EditAction,
    Preview,
    PreviewConsignment,
    PreviewLine,
    SetAddress,
    SetDeliveryNote,
    SetQuantity,
    ShopperEditAction,
)
from commerce.orders.changes import Added, Change, Effect, Moved
from commerce.orders.held import Actor, Held
from commerce.orders.lines import at_most
from commerce.orders.offering import Offer, Wanted, offered
from commerce.orders.placed import Placed
from commerce.orders.shipping import ConsignmentNotFound
from commerce.orders.taxing import Leg, Move, tax
from commerce.pricing.schemas import ItemPrice
from commerce.taxes.quotes import Quote
from commerce.taxes.schemas import TaxOut
from foundation.errors import Conflict, Unprocessable
from foundation.ids import new_id


class EditChangesNothing(Unprocessable):
    """The order is like that already."""

    code = "orders.edit_changes_nothing"


class EditContradicts(Unprocessable):
    """Two of the edit's actions are about the same thing."""

    code = "orders.edit_contradicts"


class AddressFixed(Conflict):
    """It goes nowhere, or what is taxed or charged at this address is other and some of it has left or is credited."""

    code = "orders.address_fixed"


class WhichAddress(Unprocessable):
    """The order goes to several addresses: say which of its consignments is meant."""

    code = "orders.which_address"

    consignment_ids: list[UUID]


async def resolve(
    held: Held,
    placed: Placed,
    actions: Sequence[EditAction | ShopperEditAction],
    actor: Actor,
    *,
    quote: Quote | None = None,
) -> Change:
    """What some actions come to.

    Raises:
        UnknownLine, TooManyUnits, VariantNotForSale, OutOfStock, WhichAddress, ConsignmentNotFound.
        TermsUnknown, AddressFixed, AddressInvalid, DeliveryUnavailable, TaxesUnquoted.
        EditContradicts, EditChangesNothing.
    """
    if len({_about(action, placed) for action in actions}) < len(actions):
        raise EditContradicts
    removed, wanted = _units(held, placed, actions, actor)
    moves = _moves(placed, actions)
    change = await changed(held, placed, wanted, moves, quote=quote)
    notes = [action.note for action in actions if isinstance(action, SetDeliveryNote)]
    note = next((note for note in notes if note != placed.delivery_note), None)
    if not (change.added or removed or change.moved or note is not None):
        raise EditChangesNothing
    return replace(change, removed=removed, delivery_note=note)


async def changed(
    held: Held,
    placed: Placed,
    wanted: Sequence[Wanted],
    moves: Mapping[UUID | None, Move] | None = None,
    *,
    quote: Quote | None = None,
) -> Change:
    """What is wanted and what goes elsewhere, at today's price, with its taxes and its delivery.

    Raises:
        VariantNotForSale, OutOfStock, TermsUnknown, AddressFixed, DeliveryUnavailable, TaxesUnquoted.
    """
    moves = moves or {}
    offers = await offered(held.tx, wanted, **placed.whose())
    legs = [
        Leg(
            consignment_id,
            {line.id: placed.items[line.id] for line in held.lines.values() if line.consignment_id == consignment_id},
            [offer for offer in offers if offer.wanted.consignment_id == consignment_id],
            moves.get(consignment_id),
        )
        for consignment_id in placed.to
        if consignment_id in moves or any(offer.wanted.consignment_id == consignment_id for offer in offers)
    ]
    done, engine = await tax(held.tx, placed, legs, quote)
    moved = [
        Moved(leg.consignment_id, leg.move.address.model_dump(mode="json"), taxed.anew)
        for leg, taxed in zip(legs, done, strict=True)
        if leg.move
    ]
    for move in moved:
        _require_free(held, placed, move)
    added = [
        priced_as(offer, offer.price, taxes)
        for leg, taxed in zip(legs, done, strict=True)
        for offer, taxes in zip(leg.offers, taxed.offers, strict=True)
    ]
    return Change(added, moved=moved, engine=engine)


def _about(action: EditAction | ShopperEditAction, placed: Placed) -> object:
    """What an action is about; no other of the same edit may be."""
    match action:
        case AddUnits():
            return action.variant_id, _consignment(placed, action.consignment_id)
        case SetQuantity():
            return action.line_id
        case SetAddress():
            return SetAddress, _consignment(placed, action.consignment_id)
        case _:
            return type(action)


def _consignment(placed: Placed, named: UUID | None) -> UUID | None:
    """The consignment that is meant.

    Raises:
        WhichAddress, ConsignmentNotFound.
    """
    if named in placed.to:
        return named
    if named is None:
        raise WhichAddress(consignment_ids=[consignment_id for consignment_id in placed.to if consignment_id])
    raise ConsignmentNotFound


def _units(
    held: Held, placed: Placed, actions: Sequence[EditAction | ShopperEditAction], actor: Actor
) -> tuple[dict[UUID, int], list[Wanted]]:
    """Units taken out, by line, and units put in; a shopper puts none in."""
    removed: dict[UUID, int] = {}
    wanted = Counter[tuple[UUID, UUID | None]]()
    for action in actions:
        if isinstance(action, AddUnits):
            wanted[action.variant_id, _consignment(placed, action.consignment_id)] += action.quantity
        elif isinstance(action, SetQuantity):
            line = held.line(action.line_id)
            there = line.quantity - line.cancelled
            if action.quantity < there:
                at_most(line.id, there - action.quantity, line.open)
                removed[line.id] = there - action.quantity
            elif actor.role == "shopper":
                at_most(line.id, action.quantity, there)
            else:
                wanted[line.variant_id, line.consignment_id] += action.quantity - there
    return removed, [Wanted(variant_id, units, where) for (variant_id, where), units in wanted.items() if units]


def _moves(placed: Placed, actions: Sequence[EditAction | ShopperEditAction]) -> dict[UUID | None, Move]:
    """Where what is to go to, of all that goes to another address or another way.

    Raises:
        AddressFixed: it goes nowhere.
        WhichAddress, ConsignmentNotFound, AddressInvalid, DeliveryUnavailable.
    """
    moves: dict[UUID | None, Move] = {}
    for action in actions:
        if not isinstance(action, SetAddress):
            continue
        consignment_id = _consignment(placed, action.consignment_id)
        was = placed.to[consignment_id]
        if was.address is None or (was.delivery and was.delivery.kind == "collect"):
            raise AddressFixed
        address = AddressOut.model_validate(action.address.model_dump())
        if action.delivery and was.delivery is None:
            raise DeliveryUnavailable(delivery=action.delivery)
        other_way = action.delivery if was.delivery and action.delivery != was.delivery.code else None
        if address != was.address:
            addresses.check(action.address)
        if address != was.address or other_way:
            moves[consignment_id] = Move(address, other_way)
    return moves


def _require_free(held: Held, placed: Placed, moved: Moved) -> None:
    """Stop when something is charged anew of which a part has left or is credited, or that goes in a window.

    Raises:
        AddressFixed.
    """
    if moved.anew is None:
        return
    was = placed.to[moved.consignment_id]
    own = [line for line in held.lines.values() if line.consignment_id == moved.consignment_id]
    other_way = moved.anew.delivery is not None and (was.delivery is None or was.delivery.slot is not None)
    if held.credited or other_way or any(line.fulfilled for line in own):
        raise AddressFixed


def priced_as(offer: Offer, price: ItemPrice, taxes: tuple[TaxAmount, ...]) -> Added:
    """The line that an offer will be, at a price and with its taxes."""
    return Added(
        line_id=new_id(),
        variant_id=offer.wanted.variant_id,
        product_id=offer.product_id,
        sku=offer.sku,
        title=offer.title,
        quantity=offer.wanted.quantity,
        price=price,
        vendor_id=offer.vendor_id,
        taxes=taxes,
        consignment_id=offer.wanted.consignment_id,
        promised_on=offer.promised_on,
        components=offer.components,
    )


def preview_of(placed: Placed, change: Change, made: Effect) -> Preview:
    """What a change makes of an order, as whoever confirms it sees it."""
    titles = {line_id: item.title for line_id, item in placed.items.items()}
    added = {line.line_id: line for line in change.added}
    sums = made.sums
    to = [_to(placed, change, made, consignment_id) for consignment_id in placed.to]
    return Preview(
        lines=[
            PreviewLine(
                id=line.id,
                variant_id=line.variant_id,
                title=added[line.id].title if line.id in added else titles[line.id],
                quantity=line.quantity,
                cancelled=line.cancelled,
                amount=line.total,
                consignment_id=line.consignment_id,
                promised_on=added[line.id].promised_on if line.id in added else None,
            )
            for line in made.lines.values()
        ],
        subtotal=sums.subtotal,
        discount=sums.discount,
        shipping=sums.shipping,
        tax=sums.tax,
        taxes=[TaxOut(**asdict(tax)) for tax in sums.taxes],
        total=sums.total,
        credited=sums.credited,
        difference=made.difference,
        address=to[0].address,
        delivery=to[0].delivery,
        consignments=to if placed.is_split else [],
        delivery_note=placed.delivery_note if change.delivery_note is None else change.delivery_note,
    )


def _to(placed: Placed, change: Change, made: Effect, consignment_id: UUID | None) -> PreviewConsignment:
    was, charges = placed.to[consignment_id], made.charges[consignment_id]
    moved = next((moved for moved in change.moved if moved.consignment_id == consignment_id), None)
    anew = moved.anew.delivery if moved and moved.anew else None
    return PreviewConsignment(
        id=consignment_id,
        address=AddressOut.model_validate(moved.address) if moved else was.address,
        delivery=DeliveryOut.model_validate_json(json.dumps(anew)) if anew else was.delivery,
        shipping=charges.shipping,
        tax=charges.tax,
    )
