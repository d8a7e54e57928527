"""The picture of a collection over HTTP, for staff."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, status

from commerce.http import Core, CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from commerce.media import collection_pictures as service
from commerce.media.answering import PICTURE
from commerce.media.collection_pictures import Place
from commerce.media.schemas import CollectionPictureChange, CollectionPictureQuery, FocalPoint, StaffCollectionPicture
from commerce.tenancy.service import Shop
from foundation.types import Id

router = APIRouter(prefix="/v1/admin/collections/{collection_id}/picture", tags=["catalogue"])
Reader = Annotated[Staff, Depends(staff("catalog:read"))]
Publisher = Annotated[Staff, Depends(staff("catalog:publish"))]
CollectionId = Annotated[Id, Path()]


@router.get("")
async def read_picture(core: CoreDep, shop: ShopDep, _: Reader, collection_id: CollectionId) -> StaffCollectionPicture:
    """The picture that was brought for a collection, and how far it is."""
    return await _read(core, shop, collection_id)


@router.put("", openapi_extra=PICTURE)
async def put_picture(
    request: Request,
    core: CoreDep,
    shop: ShopDep,
    _: Publisher,
    collection_id: CollectionId,
    query: Annotated[CollectionPictureQuery, Query()],
) -> StaffCollectionPicture:
    """Have a collection shown by a picture: the body is a JPEG, PNG, WebP or AVIF, of which nothing but the picture is
    kept.
    """
    focal = FocalPoint(x=query.focal_x, y=query.focal_y)
    place = Place(core.database, core.settings, shop)
    await service.put(place, collection_id, query.alt, focal, await request.body())
    return await _read(core, shop, collection_id)


@router.patch("")
async def change_picture(
    core: CoreDep, shop: ShopDep, _: Publisher, collection_id: CollectionId, body: CollectionPictureChange
) -> StaffCollectionPicture:
    """Say something else of it, or cut its squares around another point."""
    async with core.database.tx(shop.id) as tx:
        await service.change(tx, collection_id, body)
    return await _read(core, shop, collection_id)


@router.post("/retries")
async def retry_picture(
    core: CoreDep, shop: ShopDep, _: Publisher, collection_id: CollectionId
) -> StaffCollectionPicture:
    """Have it made once more, if it could not be made."""
    async with core.database.tx(shop.id) as tx:
        await service.retry(tx, collection_id)
    return await _read(core, shop, collection_id)


@router.delete("", status_code=status.HTTP_204_NO_CONTENT)
async def remove_picture(core: CoreDep, shop: ShopDep, _: Publisher, collection_id: CollectionId) -> None:
    """Take it away: a product's picture stands for the collection again."""
    async with core.database.tx(shop.id) as tx:
        await service.remove(tx, collection_id)


async def _read(core: Core, shop: Shop, collection_id: Id) -> StaffCollectionPicture:
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.read(tx, collection_id)
