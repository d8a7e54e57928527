"""Carts: lines in and out, and the door to what else there is of carts.

Whatever changes a cart locks its row first and reads after, so that requests of one shopper's at once all land.
"""

from __future__ import annotations

from uuid import UUID

from commerce.cart import hot
from commerce.cart.adopting import adopt
from commerce.cart.checking import Checked, check, explained
from commerce.cart.delivering import delivery_options, delivery_slots, set_address, set_delivery, set_vat_id
from commerce.cart.holding import begin_change, begin_completing, lock, personal, touch
from commerce.cart.reading import current, current_id, get, owner, priced, product_ids
from commerce.cart.rules import (
    MAX_CODES,
    MAX_LINES,
    MAX_NOTE,
    MAX_QUANTITY,
    CartFull,
    CartNotFound,
    CartNotOpen,
    ConsignmentNotFound,
    DeliveryUnavailable,
    LineNotFound,
    VariantNotForSale,
)
from commerce.cart.showing import discounts_out, fees_out, taxes_out
from commerce.identity.service import Shopper
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.database import Tx
from foundation.events import AddToCart, Event, Item, RemoveFromCart, record
from foundation.ids import new_id
from foundation.outbox import announce, told
from foundation.turns import in_turn

__all__ = [
    "MAX_CODES",
    "MAX_LINES",
    "MAX_NOTE",
    "MAX_QUANTITY",
    "CartFull",
    "CartNotFound",
    "CartNotOpen",
    "Checked",
    "ConsignmentNotFound",
    "DeliveryUnavailable",
    "LineNotFound",
    "VariantNotForSale",
    "accept_prices",
    "add",
    "adopt",
    "begin_change",
    "begin_completing",
    "change",
    "check",
    "complete",
    "current",
    "delivery_options",
    "delivery_slots",
    "discounts_out",
    "explained",
    "fees_out",
    "get",
    "lock",
    "opened",
    "product_ids",
    "reopen",
    "set_address",
    "set_delivery",
    "set_note",
    "set_vat_id",
    "taxes_out",
    "touch",
]


async def opened(tx: Tx, shop: Shop, shopper: Shopper) -> UUID:
    """The id of the shopper's open cart, made if need be."""
    cart_id = await current_id(tx, shopper)
    if cart_id is not None:
        return cart_id
    # Two requests of one shopper's at once make one cart: the second waits here and then finds the first one's.
    await in_turn(tx, f"cart:{shop.id}:{shopper.owner}")
    cart_id = await current_id(tx, shopper)
    if cart_id is not None:
        return cart_id
    made = new_id()
    await tx.rows(hot.OPEN, {**owner(shopper), "id": made, "currency": shop.currency, "channel": shopper.channel})
    return made


async def add(
    tx: Tx, shopper: Shopper, cart_id: UUID, *, variant_id: UUID, quantity: int, decision_id: UUID | None
) -> None:
    """Put so many more of a variant into the cart, at today's price.

    Raises:
        CartNotFound, CartNotOpen, VariantNotForSale, CartFull.
    """
    currency, now = await begin_change(tx, shopper, cart_id), clock.now()
    asked = {**owner(shopper), "cart_id": cart_id, "variant_id": variant_id, "currency": currency, "now": now}
    offer = await tx.one(hot.OFFER, asked)
    price = priced(offer, offer["there"] + quantity, now) if offer else None
    if offer is None or price is None:
        raise VariantNotForSale(variant_id=variant_id)
    item = Item(
        item_id=offer["product_id"],
        variant_id=variant_id,
        quantity=quantity,
        price=price.amount,
        decision_id=decision_id,
    )
    said = AddToCart(items=[item], currency=currency, value=price.amount * quantity)
    added = await tx.one(
        hot.ADD,
        {
            "line_id": new_id(),
            "cart_id": cart_id,
            "variant_id": variant_id,
            "quantity": quantity,
            "unit_price": price.amount,
            "explanation": price.kept(),
            "decision_id": decision_id,
            "max_lines": MAX_LINES,
            "max_quantity": MAX_QUANTITY,
            **told([_event(tx, shopper, cart_id, said, decision_id)]),
        },
    )
    if added is None:
        raise CartFull


async def change(tx: Tx, shopper: Shopper, cart_id: UUID, line_id: UUID, quantity: int) -> None:
    """Set a line's quantity; 0 takes the line out.

    Raises:
        CartNotFound, CartNotOpen, LineNotFound.
    """
    currency, now = await begin_change(tx, shopper, cart_id), clock.now()
    asked = {**owner(shopper), "cart_id": cart_id, "line_id": line_id, "currency": currency, "now": now}
    line = await tx.one(hot.LINE, asked)
    if line is None:
        raise LineNotFound
    if quantity == 0:
        await tx.rows(hot.REMOVE, {"line_id": line_id})
    else:
        price = priced(line, quantity, now)
        values = {"unit_price": price and price.amount, "explanation": price and price.kept()}
        await tx.rows(hot.SET_QUANTITY, {"line_id": line_id, "quantity": quantity, **values})
    difference = quantity - line["quantity"]
    if difference:
        item = Item(
            item_id=line["product_id"],
            variant_id=line["variant_id"],
            quantity=abs(difference),
            price=line["unit_price"],
        )
        contract = AddToCart if difference > 0 else RemoveFromCart
        said = contract(items=[item], currency=currency, value=line["unit_price"] * abs(difference))
        await announce(tx, [_event(tx, shopper, cart_id, said)])


async def accept_prices(tx: Tx, shopper: Shopper, cart_id: UUID) -> None:
    """Take today's prices: the shopper has seen that they changed.

    Raises:
        CartNotFound, CartNotOpen.
    """
    await begin_change(tx, shopper, cart_id)
    prices = [(line.id, line.today) for line in (await get(tx, shopper, cart_id)).lines if line.today]
    await tx.rows(
        hot.ACCEPT_PRICES,
        {
            "line_ids": [line_id for line_id, _ in prices],
            "unit_prices": [price.amount for _, price in prices],
            "explanations": [price.kept() for _, price in prices],
        },
    )


async def set_note(tx: Tx, shopper: Shopper, cart_id: UUID, note: str | None) -> None:
    """Keep a word to the shop with the cart; it stays with the order.

    Raises:
        CartNotFound, CartNotOpen.
    """
    await begin_change(tx, shopper, cart_id)
    await tx.rows(hot.SET_NOTE, {"cart_id": cart_id, "note": personal(shopper, cart_id, note)})


async def complete(tx: Tx, cart_id: UUID) -> bool:
    """The cart has become an order; `False` when it was not being paid."""
    return await _become(tx, cart_id, "completed", was="completing")


async def reopen(tx: Tx, cart_id: UUID) -> bool:
    """Let the shopper go on with a cart whose payment came to nothing; `False` when it was not being paid."""
    return await _become(tx, cart_id, "open", was="completing")


async def _become(tx: Tx, cart_id: UUID, status: str, *, was: str) -> bool:
    values = {"cart_id": cart_id, "status": status, "was": was, "now": clock.now()}
    return await tx.one(hot.BECOME, values) is not None


def _event(
    tx: Tx, shopper: Shopper, cart_id: UUID, said: AddToCart | RemoveFromCart, decision_id: UUID | None = None
) -> Event:
    return record(
        said, tenant_id=tx.tenant_id, aggregate_id=cart_id, context=shopper.context(), decision_id=decision_id
    )
