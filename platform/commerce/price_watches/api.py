"""Watching prices over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request

from commerce.http import CoreDep, ShopDep, ShopperDep
from commerce.policies import areas
from commerce.price_watches import watching
from commerce.sessions.answering import asking_of
from commerce.wishlists import service as wishlists
from commerce.wishlists.schemas import WishlistOut

router = APIRouter(
    prefix="/v1/store/wishlists/{wishlist_id}/items/{variant_id}/watch",
    tags=["wishlists"],
    route_class=areas.within(areas.WISHES),
)
WishlistId = Annotated[UUID, Path()]
VariantId = Annotated[UUID, Path()]


@router.put("")
async def watch(
    request: Request, core: CoreDep, shop: ShopDep, shopper: ShopperDep, wishlist_id: WishlistId, variant_id: VariantId
) -> WishlistOut:
    """Be told by mail when something on a list costs less than it does now, by five per cent or more."""
    asking = asking_of(request, shop, shopper)
    async with core.database.tx(shop.id) as tx:
        await watching.watch(tx, shop, shopper, wishlist_id, variant_id, locale=asking.locale, home=asking.home)
        return await wishlists.get(tx, shop, shopper, wishlist_id)


@router.delete("")
async def stop_watching(
    core: CoreDep, shop: ShopDep, shopper: ShopperDep, wishlist_id: WishlistId, variant_id: VariantId
) -> WishlistOut:
    """Be told of it no more."""
    async with core.database.tx(shop.id) as tx:
        await watching.stop(tx, shopper, wishlist_id, variant_id)
        return await wishlists.get(tx, shop, shopper, wishlist_id)
