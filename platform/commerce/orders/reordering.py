"""The same again: what of an order can still be had goes into the shopper's open cart, and the rest is named."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from commerce.cart import service as carts
from commerce.cart.service import CartFull, VariantNotForSale
from commerce.identity.service import Shopper
from commerce.orders import reading
from commerce.orders.schemas import LeftOut, ReorderOut
from commerce.tenancy.service import Shop
from foundation.database import Tx


async def reorder(tx: Tx, shop: Shop, shopper: Shopper, order_id: UUID) -> ReorderOut:
    """Put an order's units into the cart, at today's prices, as far as they can be had.

    What can be had is what the cart itself says, so nothing put in stands in the way of paying for it.

    Raises:
        OrderNotFound, CartNotOpen: nothing is put in.
    """
    order = await reading.get(tx, shopper, order_id)
    wanted, titles = Counter[UUID](), {line.variant_id: line.title for line in order.lines}
    for line in order.lines:
        wanted[line.variant_id] += line.quantity - line.cancelled or line.quantity
    cart_id = await carts.opened(tx, shop, shopper)
    left_out: list[LeftOut] = []
    for variant_id, quantity in wanted.items():
        try:
            await carts.add(tx, shopper, cart_id, variant_id=variant_id, quantity=quantity, decision_id=None)
        except (VariantNotForSale, CartFull) as refused:
            left_out.append(_left_out(variant_id, titles, quantity, refused.code))
    cart = await carts.get(tx, shopper, cart_id)
    lines = {line.id: line for line in cart.lines}
    for requirement in carts.check(cart).requirements:
        if requirement.code == "inventory.out_of_stock" and requirement.line_id in lines:
            short, there = lines[requirement.line_id], requirement.available or 0
            if short.variant_id in wanted:
                await carts.change(tx, shopper, cart_id, short.id, there)
                missing = min(wanted[short.variant_id], short.quantity - there)
                left_out.append(_left_out(short.variant_id, titles, missing, requirement.code))
    return ReorderOut(cart=carts.check(await carts.get(tx, shopper, cart_id)).out(), left_out=left_out)


def _left_out(variant_id: UUID, titles: dict[UUID, str], quantity: int, code: str) -> LeftOut:
    return LeftOut(variant_id=variant_id, title=titles[variant_id], quantity=quantity, code=code)
