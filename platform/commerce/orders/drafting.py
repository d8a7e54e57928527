"""What an edit asks for, made into a change: units out of which line, units in at what price, and where it goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from commerce.cart.service import VariantNotForSale
from commerce.cart.totals import TaxAmount, Terms
from commerce.catalog.variants import sold_as
from commerce.delivery.schemas import AddressIn, AddressOut
from commerce.inventory import service as inventory
from commerce.inventory.service import OutOfStock
from commerce.orders.change_schemas import (
    AddUnits,
    EditAction,
    Preview,
    PreviewLine,
    SetAddress,
    SetDeliveryNote,
    SetQuantity,
    ShopperEditAction,
)
from commerce.orders.changes import Added, Change, Effect, Sums, read_terms, taxed
from commerce.orders.held import Actor, Held
from commerce.orders.lines import at_most
from commerce.pricing.engine import price_of
from commerce.pricing.offers import offers_of, read_offers
from commerce.taxes.schemas import TaxOut
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Conflict, Unprocessable
from foundation.ids import new_id


class EditChangesNothing(Unprocessable):
    """The order is like that already."""

    code = "orders.edit_changes_nothing"


class EditContradicts(Unprocessable):
    """Two of the edit's actions are about the same thing."""

    code = "orders.edit_contradicts"


class AddressFixed(Conflict):
    """Taxes or delivery would not be what they were: it can be sent to another address of the same region only."""

    code = "orders.address_fixed"


class GoesSeveralWays(Conflict):
    """The order goes to several addresses: units can be taken out of it, but none put in, nor can it go elsewhere."""

    code = "orders.goes_several_ways"


class TermsUnknown(Conflict):
    """The rates of tax that held when the order was placed were not kept, so nothing can be added to it."""

    code = "orders.terms_unknown"


@dataclass(frozen=True, slots=True)
class Placed:
    """What an edit has to know of an order beyond what is held of it."""

    sums: Sums
    currency: str
    customer_id: UUID | None
    visitor_id: UUID | None
    address: AddressOut | None
    delivery_note: str
    terms: Terms | None
    """Of tax; `None` when they are not known any more."""
    titles: Mapping[UUID, str]

    def whose(self) -> dict[str, object]:
        """The values that what its shopper is offered depends on."""
        return {"currency": self.currency, "customer_id": self.customer_id, "visitor_id": self.visitor_id}


# The primary key and ix_order_line_order
_PLACED = hot(
    text(
        """
        SELECT o.subtotal, o.discount, o.shipping, o.tax, o.tax_included, o.taxes::text AS taxes, o.currency,
               o.customer_id, o.visitor_id, o.address::text AS address, o.delivery_note, o.tax_terms::text AS tax_terms,
               (SELECT jsonb_object_agg(l.id, l.title)::text FROM order_line l
                WHERE l.tenant_id = o.tenant_id AND l.order_id = o.id) AS titles
        FROM orders o WHERE o.tenant_id = :tenant_id AND o.id = :order_id
        """
    )
)

_OFFERS = hot(
    text(
        f"""
        SELECT v.id AS variant_id, v.product_id, v.sku, v.title AS variant_title, p.title AS product_title,
               p.tax_class, p.vendor_id, r.amount AS list_price, {offers_of("v", "CAST(:currency AS text)")} AS offers
        FROM variant v
        JOIN product p ON p.tenant_id = v.tenant_id AND p.id = v.product_id
        JOIN price r ON r.tenant_id = v.tenant_id AND r.variant_id = v.id AND r.currency = CAST(:currency AS text)
        WHERE v.tenant_id = :tenant_id AND v.id = ANY(CAST(:variant_ids AS uuid[])) AND p.status = 'published'
        """  # noqa: S608  (the fragments are literals)
    )
)


async def look(held: Held) -> Placed:
    """What an edit has to know of an order."""
    row = await held.tx.one(_PLACED, {"order_id": held.id})
    if row is None:
        raise RuntimeError("a held order has a row")
    taxes = tuple(TaxAmount(**tax) for tax in orjson.loads(row["taxes"]))
    terms = orjson.loads(row["tax_terms"]) if row["tax_terms"] else None
    return Placed(
        sums=Sums(
            subtotal=row["subtotal"],
            discount=row["discount"],
            shipping=row["shipping"],
            tax=row["tax"],
            tax_included=row["tax_included"],
            taxes=taxes,
            total=held.total,
            credited=held.credited,
        ),
        currency=row["currency"],
        customer_id=row["customer_id"],
        visitor_id=row["visitor_id"],
        address=AddressOut.model_validate_json(row["address"]) if row["address"] else None,
        delivery_note=row["delivery_note"],
        terms=read_terms(terms, tax_included=row["tax_included"]) if terms else None if taxes else Terms(),
        titles={UUID(line_id): title for line_id, title in orjson.loads(row["titles"] or "{}").items()},
    )


async def resolve(
    held: Held, placed: Placed, actions: Sequence[EditAction | ShopperEditAction], actor: Actor
) -> Change:
    """What some actions come to.

    Raises:
        UnknownLine, TooManyUnits, VariantNotForSale, OutOfStock, TermsUnknown, AddressFixed.
        EditContradicts, EditChangesNothing, GoesSeveralWays.
    """
    if len({_about(action) for action in actions}) < len(actions):
        raise EditContradicts
    removed, wanted = _units(held, actions, actor)
    if (wanted or any(isinstance(action, SetAddress) for action in actions)) and goes_several_ways(held):
        raise GoesSeveralWays
    address, delivery_note = None, None
    for action in actions:
        if isinstance(action, SetAddress):
            address = _moved(placed, action.address)
        elif isinstance(action, SetDeliveryNote) and action.note != placed.delivery_note:
            delivery_note = action.note
    added = await offered(held.tx, placed, wanted)
    if not (added or removed or address or delivery_note is not None):
        raise EditChangesNothing
    return Change(added, removed, address, delivery_note)


def goes_several_ways(held: Held) -> bool:
    """Whether its units go to several addresses."""
    return any(line.consignment_id for line in held.lines.values())


def _about(action: EditAction | ShopperEditAction) -> object:
    """What an action is about; no other of the same edit may be."""
    match action:
        case AddUnits():
            return action.variant_id
        case SetQuantity():
            return action.line_id
        case _:
            return type(action)


def _units(
    held: Held, actions: Sequence[EditAction | ShopperEditAction], actor: Actor
) -> tuple[dict[UUID, int], Counter[UUID]]:
    """Units taken out, by line, and units put in, by variant; a shopper puts none in."""
    removed: dict[UUID, int] = {}
    wanted = Counter[UUID]()
    for action in actions:
        if isinstance(action, AddUnits):
            wanted[action.variant_id] += action.quantity
        elif isinstance(action, SetQuantity):
            line = held.line(action.line_id)
            there = line.quantity - line.cancelled
            if action.quantity < there:
                at_most(line.id, there - action.quantity, line.open)
                removed[line.id] = there - action.quantity
            elif actor.role == "shopper":
                at_most(line.id, action.quantity, there)
            else:
                wanted[line.variant_id] += action.quantity - there
    return removed, +wanted


def _moved(placed: Placed, address: AddressIn) -> dict[str, Any] | None:
    """The new address, if it is another one.

    Raises:
        AddressFixed: it goes nowhere, or would be taxed or delivered otherwise there.
    """
    was, given = placed.address, address.model_dump()
    if was is None or (was.country, was.region) != (address.country, address.region):
        raise AddressFixed
    return given if given != was.model_dump() else None


async def offered(tx: Tx, placed: Placed, wanted: Mapping[UUID, int]) -> list[Added]:
    """Lines of what is wanted, at today's price and the taxes of the day the order was placed."""
    if not wanted:
        return []
    if placed.terms is None:
        raise TermsUnknown
    now = clock.now()
    rows = await tx.rows(_OFFERS, {"variant_ids": list(wanted), "now": now, **placed.whose()})
    offers = {row["variant_id"]: row for row in rows}
    available = await inventory.availability(tx, wanted)
    added: list[Added] = []
    for variant_id, quantity in wanted.items():
        offer = offers.get(variant_id)
        if offer is None:
            raise VariantNotForSale(variant_id=variant_id)
        if available.get(variant_id, 0) < quantity:
            raise OutOfStock(variant_id=variant_id, requested=quantity, available=available.get(variant_id, 0))
        price = price_of(offer["list_price"], read_offers(offer["offers"]), quantity=quantity, at=now)
        taxes = taxed(price.amount, quantity, offer["tax_class"], placed.terms)
        added.append(
            Added(
                line_id=new_id(),
                variant_id=variant_id,
                product_id=offer["product_id"],
                sku=offer["sku"],
                title=sold_as(offer["product_title"], offer["variant_title"]),
                quantity=quantity,
                price=price,
                vendor_id=offer["vendor_id"],
                tax=sum(tax.amount for tax in taxes),
                taxes=tuple(taxes),
            )
        )
    return added


def preview_of(placed: Placed, change: Change, made: Effect) -> Preview:
    """What a change makes of an order, as whoever confirms it sees it."""
    titles = {**placed.titles, **{added.line_id: added.title for added in change.added}}
    sums = made.sums
    address = AddressOut.model_validate(change.address) if change.address else placed.address
    return Preview(
        lines=[
            PreviewLine(
                id=line.id,
                variant_id=line.variant_id,
                title=titles[line.id],
                quantity=line.quantity,
                cancelled=line.cancelled,
                amount=line.total,
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
        address=address,
        delivery_note=placed.delivery_note if change.delivery_note is None else change.delivery_note,
    )
