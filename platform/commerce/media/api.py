"""Media of products over HTTP, for staff."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response, status

from commerce.catalog.products.history import Author
from commerce.http import Core, CoreDep, KeyDep, ShopDep, staff
from commerce.identity.staff import Staff
from commerce.media import service
from commerce.media.answering import PICTURE, added, desk_of, listed, one, said_of
from commerce.media.schemas import MediaChange, MediaIn, MediaList, OrderIn, StaffMedium, UploadQuery
from commerce.media.service import Desk
from commerce.tenancy.service import Shop
from foundation.types import Id

router = APIRouter(prefix="/v1/admin/products/{product_id}/media", tags=["catalogue"])
Reader = Annotated[Staff, Depends(staff("catalog:read"))]
Writer = Annotated[Staff, Depends(staff("catalog:write"))]
Publisher = Annotated[Staff, Depends(staff("catalog:publish"))]
ProductId = Annotated[Id, Path()]
MediaId = Annotated[Id, Path()]


def _desk(core: Core, shop: Shop, by: Staff) -> Desk:
    return desk_of(core, shop, Author.of(by))


@router.get("")
async def list_media(core: CoreDep, shop: ShopDep, by: Reader, product_id: ProductId) -> MediaList:
    """All that a product shows, and how far each picture is."""
    return await listed(_desk(core, shop, by), product_id)


@router.post("", status_code=status.HTTP_201_CREATED, response_model=StaffMedium)
async def add(
    request: Request, core: CoreDep, shop: ShopDep, by: Writer, key: KeyDep, product_id: ProductId, body: MediaIn
) -> Response:
    """Add an image or a 360-degree set that is fetched from elsewhere, or a video that stays there."""
    desk = _desk(core, shop, by)
    return await added(request, core, desk, by, key, product_id, lambda: service.add(desk, product_id, body))


@router.post("/uploads", status_code=status.HTTP_201_CREATED, response_model=StaffMedium, openapi_extra=PICTURE)
async def upload(
    request: Request,
    core: CoreDep,
    shop: ShopDep,
    by: Writer,
    key: KeyDep,
    product_id: ProductId,
    query: Annotated[UploadQuery, Query()],
) -> Response:
    """Add an image: the body is a JPEG, PNG, WebP or AVIF, of which nothing but the picture is kept."""
    desk, body = _desk(core, shop, by), await request.body()
    return await added(
        request, core, desk, by, key, product_id, lambda: service.upload(desk, product_id, said_of(query), body)
    )


@router.put("/order")
async def put_order(core: CoreDep, shop: ShopDep, by: Writer, product_id: ProductId, body: OrderIn) -> MediaList:
    """Put all media of a product in an order."""
    desk = _desk(core, shop, by)
    await service.order(desk, product_id, body.ids)
    return await listed(desk, product_id)


@router.patch("/{media_id}")
async def change(
    core: CoreDep, shop: ShopDep, by: Writer, product_id: ProductId, media_id: MediaId, body: MediaChange
) -> StaffMedium:
    """Say something else of a medium, or cut its squares around another point."""
    desk = _desk(core, shop, by)
    await service.change(desk, product_id, media_id, body)
    return await one(desk, product_id, media_id)


@router.delete("/{media_id}", status_code=status.HTTP_204_NO_CONTENT)
async def remove(core: CoreDep, shop: ShopDep, by: Writer, product_id: ProductId, media_id: MediaId) -> None:
    """Take a medium away."""
    await service.remove(_desk(core, shop, by), product_id, media_id)


@router.post(
    "/{media_id}/pictures", status_code=status.HTTP_201_CREATED, response_model=StaffMedium, openapi_extra=PICTURE
)
async def add_picture(
    request: Request,
    core: CoreDep,
    shop: ShopDep,
    by: Writer,
    key: KeyDep,
    product_id: ProductId,
    media_id: MediaId,
) -> Response:
    """Add a frame to a 360-degree set, or have a picture stand for a video: the body is a JPEG, PNG, WebP or AVIF."""
    desk, body = _desk(core, shop, by), await request.body()
    return await added(
        request, core, desk, by, key, product_id, lambda: service.add_pictures(desk, product_id, media_id, [body])
    )


@router.post("/{media_id}/retries")
async def retry(core: CoreDep, shop: ShopDep, by: Writer, product_id: ProductId, media_id: MediaId) -> StaffMedium:
    """Have those pictures of it made once more that could not be made."""
    desk = _desk(core, shop, by)
    await service.retry(desk, product_id, media_id)
    return await one(desk, product_id, media_id)


@router.post("/{media_id}/approval")
async def approve(core: CoreDep, shop: ShopDep, by: Publisher, product_id: ProductId, media_id: MediaId) -> StaffMedium:
    """Agree to what was brought for a product that is live."""
    desk = _desk(core, shop, by)
    await service.approve(desk, product_id, media_id)
    return await one(desk, product_id, media_id)
