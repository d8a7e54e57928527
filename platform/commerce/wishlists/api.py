"""Wishlists over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, status

from commerce.http import CoreDep, MaybeShopper, ShopDep, ShopperDep
from commerce.policies import areas
from commerce.wishlists import service
from commerce.wishlists.schemas import SharedWishlistOut, WishIn, WishlistIn, WishlistOut, Wishlists
from foundation.types import Text

router = APIRouter(prefix="/v1/store", tags=["wishlists"], route_class=areas.within(areas.WISHES))
WishlistId = Annotated[UUID, Path()]
VariantId = Annotated[UUID, Path()]


@router.get("/wishlists")
async def lists(core: CoreDep, shop: ShopDep, shopper: ShopperDep) -> Wishlists:
    """The shopper's lists."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.lists(tx, shopper)


@router.post("/wishlists", status_code=status.HTTP_201_CREATED)
async def create(core: CoreDep, shop: ShopDep, shopper: ShopperDep, body: WishlistIn) -> WishlistOut:
    """Begin a list."""
    async with core.database.tx(shop.id) as tx:
        created = await service.create(tx, shopper, body.name)
        return await service.get(tx, shop, shopper, created)


@router.get("/wishlists/{wishlist_id}")
async def show(core: CoreDep, shop: ShopDep, shopper: ShopperDep, wishlist_id: WishlistId) -> WishlistOut:
    """A list and what is on it, at today's prices."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.get(tx, shop, shopper, wishlist_id)


@router.patch("/wishlists/{wishlist_id}")
async def rename(
    core: CoreDep, shop: ShopDep, shopper: ShopperDep, wishlist_id: WishlistId, body: WishlistIn
) -> WishlistOut:
    """Call a list something else."""
    async with core.database.tx(shop.id) as tx:
        await service.rename(tx, shopper, wishlist_id, body.name)
        return await service.get(tx, shop, shopper, wishlist_id)


@router.delete("/wishlists/{wishlist_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete(core: CoreDep, shop: ShopDep, shopper: ShopperDep, wishlist_id: WishlistId) -> None:
    """Keep a list no longer."""
    async with core.database.tx(shop.id) as tx:
        await service.delete(tx, shopper, wishlist_id)


@router.put("/wishlists/{wishlist_id}/items/{variant_id}")
async def wish(
    core: CoreDep, shop: ShopDep, shopper: ShopperDep, wishlist_id: WishlistId, variant_id: VariantId, body: WishIn
) -> WishlistOut:
    """Put something on a list, or say how many are wished for."""
    async with core.database.tx(shop.id) as tx:
        await service.wish(tx, shop, shopper, wishlist_id, variant_id, body.quantity)
        return await service.get(tx, shop, shopper, wishlist_id)


@router.delete("/wishlists/{wishlist_id}/items/{variant_id}")
async def unwish(
    core: CoreDep, shop: ShopDep, shopper: ShopperDep, wishlist_id: WishlistId, variant_id: VariantId
) -> WishlistOut:
    """Take something off a list."""
    async with core.database.tx(shop.id) as tx:
        await service.unwish(tx, shopper, wishlist_id, variant_id)
        return await service.get(tx, shop, shopper, wishlist_id)


@router.put("/wishlists/{wishlist_id}/share")
async def share(core: CoreDep, shop: ShopDep, shopper: ShopperDep, wishlist_id: WishlistId) -> WishlistOut:
    """Give a list a new link; an earlier one shows it no more."""
    async with core.database.tx(shop.id) as tx:
        await service.share(tx, shopper, wishlist_id)
        return await service.get(tx, shop, shopper, wishlist_id)


@router.delete("/wishlists/{wishlist_id}/share")
async def unshare(core: CoreDep, shop: ShopDep, shopper: ShopperDep, wishlist_id: WishlistId) -> WishlistOut:
    """Show a list to nobody else any more."""
    async with core.database.tx(shop.id) as tx:
        await service.unshare(tx, shopper, wishlist_id)
        return await service.get(tx, shop, shopper, wishlist_id)


@router.get("/shared-wishlists/{token}")
async def look(
    core: CoreDep, shop: ShopDep, shopper: MaybeShopper, token: Annotated[Text, Path()]
) -> SharedWishlistOut:
    """A list that somebody shared."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.look(tx, shop, shopper, token)
