"""What is kept, shared and accepted beside a cart's lines, over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response, status

from commerce.cart import accepting, gifts, saved, service, sharing
from commerce.cart.api import answer
from commerce.cart.schemas import (
    AcceptIn,
    CartOut,
    GiftIn,
    NoteIn,
    SavedItems,
    SharedCartOut,
    ShareLinkOut,
    TakenOut,
    TakeShared,
)
from commerce.http import CoreDep, MaybeShopper, ShopDep, ShopperDep, shopper_of
from commerce.policies import areas
from foundation.access import SHOPPER, needs
from foundation.http import json_bytes, model_bytes
from foundation.types import Text

router = APIRouter(prefix="/v1/store", tags=["carts"], route_class=areas.within(areas.CART))
CartId = Annotated[UUID, Path()]


@router.put("/carts/{cart_id}/note", response_model=CartOut)
@needs(SHOPPER)
async def set_note(request: Request, core: CoreDep, shop: ShopDep, cart_id: CartId, body: NoteIn) -> Response:
    """Tell the shop something; it is kept with the order."""
    async with core.database.tx(shop.id) as tx:
        shopper = await shopper_of(tx, request)
        await service.set_note(tx, shopper, cart_id, body.note)
        return await answer(tx, shopper, cart_id)


@router.put("/carts/{cart_id}/gift", response_model=CartOut)
@needs(SHOPPER)
async def give(request: Request, core: CoreDep, shop: ShopDep, cart_id: CartId, body: GiftIn) -> Response:
    """Have all of it wrapped, or sent with a message."""
    async with core.database.tx(shop.id) as tx:
        shopper = await shopper_of(tx, request)
        await gifts.give(tx, shopper, cart_id, body)
        return await answer(tx, shopper, cart_id)


@router.put("/carts/{cart_id}/lines/{line_id}/gift", response_model=CartOut)
@needs(SHOPPER)
async def give_line(
    request: Request, core: CoreDep, shop: ShopDep, cart_id: CartId, line_id: Annotated[UUID, Path()], body: GiftIn
) -> Response:
    """Have a line wrapped by itself, or sent with a message."""
    async with core.database.tx(shop.id) as tx:
        shopper = await shopper_of(tx, request)
        await gifts.give(tx, shopper, cart_id, body, line_id)
        return await answer(tx, shopper, cart_id)


@router.post("/carts/{cart_id}/accept", response_model=CartOut)
@needs(SHOPPER)
async def accept(request: Request, core: CoreDep, shop: ShopDep, cart_id: CartId, body: AcceptIn) -> Response:
    """Accept all that changed since it was shown."""
    async with core.database.tx(shop.id) as tx:
        shopper = await shopper_of(tx, request)
        await accepting.accept(tx, shopper, cart_id, version=body.version, seen=body.changes_seen)
        return await answer(tx, shopper, cart_id)


@router.get("/saved-items")
async def saved_items(core: CoreDep, shop: ShopDep, shopper: ShopperDep) -> SavedItems:
    """What the shopper keeps for later."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await saved.items(tx, shop, shopper)


@router.delete("/saved-items/{item_id}", status_code=status.HTTP_204_NO_CONTENT)
async def forget_item(core: CoreDep, shop: ShopDep, shopper: ShopperDep, item_id: Annotated[UUID, Path()]) -> None:
    """Keep something no longer."""
    async with core.database.tx(shop.id) as tx:
        await saved.forget(tx, shopper, item_id)


@router.post("/carts/{cart_id}/lines/{line_id}/save", response_model=CartOut)
@needs(SHOPPER)
async def save_line(
    request: Request, core: CoreDep, shop: ShopDep, cart_id: CartId, line_id: Annotated[UUID, Path()]
) -> Response:
    """Move a line out of the cart, to be kept for later."""
    async with core.database.tx(shop.id) as tx:
        shopper = await shopper_of(tx, request)
        await saved.keep(tx, shopper, cart_id, line_id)
        return await answer(tx, shopper, cart_id)


@router.post("/carts/{cart_id}/saved-items/{item_id}", response_model=CartOut)
@needs(SHOPPER)
async def take_back(
    request: Request, core: CoreDep, shop: ShopDep, cart_id: CartId, item_id: Annotated[UUID, Path()]
) -> Response:
    """Move something kept into the cart, at today's price."""
    async with core.database.tx(shop.id) as tx:
        shopper = await shopper_of(tx, request)
        await saved.take_back(tx, shopper, cart_id, item_id)
        return await answer(tx, shopper, cart_id)


@router.post("/carts/{cart_id}/share", status_code=status.HTTP_201_CREATED)
@needs(SHOPPER)
async def share(request: Request, core: CoreDep, shop: ShopDep, cart_id: CartId) -> ShareLinkOut:
    """Copy the cart behind a link."""
    async with core.database.tx(shop.id) as tx:
        return await sharing.share(tx, await shopper_of(tx, request), cart_id)


@router.get("/shared-carts/{token}")
async def look_at_shared(
    core: CoreDep, shop: ShopDep, shopper: MaybeShopper, token: Annotated[Text, Path()]
) -> SharedCartOut:
    """What somebody shared, at today's prices."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await sharing.look(tx, shopper, token, currency=shop.currency)


@router.post("/carts/{cart_id}/take-shared", response_model=TakenOut)
@needs(SHOPPER)
async def take_shared(request: Request, core: CoreDep, shop: ShopDep, cart_id: CartId, body: TakeShared) -> Response:
    """Take what somebody shared into the cart, at today's prices."""
    async with core.database.tx(shop.id) as tx:
        shopper = await shopper_of(tx, request)
        short = await sharing.take(tx, shopper, cart_id, body.token)
        cart = service.check(await service.get(tx, shopper, cart_id)).out()
        return json_bytes(model_bytes(TakenOut(cart=cart, short=short)))
