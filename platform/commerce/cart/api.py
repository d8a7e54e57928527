"""Carts over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, status

from commerce.cart import service
from commerce.cart.schemas import AddLine, CartOut, ChangeLine
from commerce.http import CoreDep, ShopDep, ShopperDep

router = APIRouter(prefix="/v1/store/carts", tags=["carts"])
CartId = Annotated[UUID, Path()]
LineId = Annotated[UUID, Path()]


@router.post("", status_code=status.HTTP_201_CREATED)
async def open_cart(core: CoreDep, shop: ShopDep, shopper: ShopperDep) -> CartOut:
    """The shopper's open cart, made if need be."""
    async with core.database.transaction(shop.id) as session:
        cart = await service.current(session, shop, shopper, create=True)
        if cart is None:
            raise service.CartNotFound
        return (await service.check(session, cart)).out()


@router.get("/{cart_id}")
async def get_cart(core: CoreDep, shop: ShopDep, shopper: ShopperDep, cart_id: CartId) -> CartOut:
    """A cart, priced and checked now."""
    async with core.database.transaction(shop.id) as session:
        cart = await service.get(session, shopper, cart_id)
        return (await service.check(session, cart)).out()


@router.post("/{cart_id}/lines", status_code=status.HTTP_201_CREATED)
async def add_line(core: CoreDep, shop: ShopDep, shopper: ShopperDep, cart_id: CartId, body: AddLine) -> CartOut:
    """Put something in."""
    async with core.database.transaction(shop.id) as session:
        cart = await service.get(session, shopper, cart_id, lock=True)
        await service.add(
            session,
            shop,
            shopper,
            cart,
            variant_id=body.variant_id,
            quantity=body.quantity,
            decision_id=body.decision_id,
        )
        return (await service.check(session, cart)).out()


@router.patch("/{cart_id}/lines/{line_id}")
async def change_line(
    core: CoreDep, shop: ShopDep, shopper: ShopperDep, cart_id: CartId, line_id: LineId, body: ChangeLine
) -> CartOut:
    """Change how many."""
    async with core.database.transaction(shop.id) as session:
        cart = await service.get(session, shopper, cart_id, lock=True)
        await service.change(session, shopper, cart, line_id, body.quantity)
        return (await service.check(session, cart)).out()


@router.delete("/{cart_id}/lines/{line_id}")
async def remove_line(core: CoreDep, shop: ShopDep, shopper: ShopperDep, cart_id: CartId, line_id: LineId) -> CartOut:
    """Take a line out."""
    async with core.database.transaction(shop.id) as session:
        cart = await service.get(session, shopper, cart_id, lock=True)
        await service.change(session, shopper, cart, line_id, 0)
        return (await service.check(session, cart)).out()


@router.post("/{cart_id}/accept-prices")
async def accept_prices(core: CoreDep, shop: ShopDep, shopper: ShopperDep, cart_id: CartId) -> CartOut:
    """Take the prices as they are today."""
    async with core.database.transaction(shop.id) as session:
        cart = await service.get(session, shopper, cart_id, lock=True)
        await service.accept_prices(session, cart)
        return (await service.check(session, cart)).out()
