"""Where a cart goes, and how."""

from __future__ import annotations

from uuid import UUID

from commerce.cart import hot
from commerce.cart.checking import check
from commerce.cart.contents import Cart
from commerce.cart.holding import begin_change, personal
from commerce.cart.reading import get
from commerce.cart.rules import ConsignmentNotFound, DeliveryUnavailable
from commerce.delivery import addresses, slots
from commerce.delivery import service as delivery
from commerce.delivery.schemas import AddressIn, DeliveryOptions, SlotChoice, SlotOffers
from commerce.identity.service import Shopper
from commerce.taxes.vat_ids import VatId
from foundation.database import Tx
from foundation.veil import ADDRESS, BUSINESS


async def set_address(tx: Tx, shopper: Shopper, cart_id: UUID, address: AddressIn) -> None:
    """Say where to send the cart.

    Raises:
        CartNotFound, CartNotOpen, AddressInvalid.
    """
    addresses.check(address)
    await begin_change(tx, shopper, cart_id)
    await tx.rows(
        hot.SET_ADDRESS, {"cart_id": cart_id, "address": personal(shopper, cart_id, address.model_dump_json(), ADDRESS)}
    )


async def set_vat_id(tx: Tx, shopper: Shopper, cart_id: UUID, vat_id: VatId | None) -> None:
    """Say which business buys, or that none does.

    Raises:
        CartNotFound, CartNotOpen.
    """
    await begin_change(tx, shopper, cart_id)
    sealed = personal(shopper, cart_id, vat_id.json() if vat_id else None, BUSINESS)
    await tx.rows(hot.SET_VAT_ID, {"cart_id": cart_id, "vat_id": sealed})


async def delivery_options(
    tx: Tx, shopper: Shopper, cart_id: UUID, *, consignment: int | None = None
) -> DeliveryOptions:
    """The ways in which a cart, or one of its consignments, can be delivered to its address, or to any before it has
    one.

    Raises:
        CartNotFound.
        ConsignmentNotFound: it has not so many.
    """
    cart = await get(tx, shopper, cart_id)
    number = 0 if consignment is None else consignment - 1
    if consignment is not None and not (cart.where.is_split and number < len(cart.where.to)):
        raise ConsignmentNotFound
    address, goods = cart.where.to[number].address, check(cart).totals.consignments[number].goods_as_priced
    methods = await delivery.offered(tx, address.country if address else None)
    return DeliveryOptions(items=[method.out(goods) for method in methods])


async def delivery_slots(tx: Tx, shopper: Shopper, cart_id: UUID, code: str) -> SlotOffers:
    """The windows in which a way to deliver could bring a cart.

    Raises:
        CartNotFound, MethodNotFound.
    """
    await get(tx, shopper, cart_id)
    return SlotOffers(items=await slots.offered(tx, code, await delivery.calendar(tx)))


async def set_delivery(tx: Tx, shopper: Shopper, cart_id: UUID, code: str, slot: SlotChoice | None = None) -> Cart:
    """Choose how the cart is delivered, and in which window; gives it as it is then.

    Raises:
        CartNotFound, CartNotOpen.
        DeliveryUnavailable: there is no such way to the cart's address.
    """
    await begin_change(tx, shopper, cart_id)
    chosen = slot.model_dump_json() if slot else None
    await tx.rows(hot.SET_DELIVERY, {"cart_id": cart_id, "code": code, "slot": chosen})
    cart = await get(tx, shopper, cart_id)
    if cart.where.method is None:
        raise DeliveryUnavailable(delivery=code)
    return cart
