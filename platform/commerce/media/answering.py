"""What is answered about media, to staff and to vendors alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from fastapi import Request, Response, status

from commerce.catalog.products.history import Author
from commerce.http import Core, once
from commerce.identity.staff import Staff
from commerce.media import service
from commerce.media.refusals import MediaNotFound
from commerce.media.schemas import FocalPoint, MediaList, StaffMedium, UploadQuery
from commerce.media.service import About, Desk
from commerce.tenancy.service import Shop
from foundation.http import json_bytes, model_bytes
from foundation.pictures import picture_body

PICTURE = picture_body("jpeg", "png", "webp", "avif")


def desk_of(core: Core, shop: Shop, by: Author) -> Desk:
    """Where somebody brings pictures."""
    return Desk(core.database, core.settings, core.outbound, shop, by)


def said_of(query: UploadQuery) -> About:
    """What is said of an image that is uploaded."""
    return About("image", query.alt, query.variant_id, FocalPoint(x=query.focal_x, y=query.focal_y))


async def listed(desk: Desk, product_id: UUID) -> MediaList:
    """All media of a product.

    Raises:
        ProductNotFound.
    """
    async with desk.database.tx(desk.shop.id, read_only=True) as tx:
        return await service.every(tx, product_id, currency=desk.shop.currency, vendor_id=desk.by.vendor_id)


async def one(desk: Desk, product_id: UUID, media_id: UUID) -> StaffMedium:
    """One of them.

    Raises:
        ProductNotFound, MediaNotFound.
    """
    for found in (await listed(desk, product_id)).items:
        if found.id == media_id:
            return found
    raise MediaNotFound


async def added(
    request: Request, core: Core, desk: Desk, who: Staff, key: str, product_id: UUID, add: Callable[[], Awaitable[UUID]]
) -> Response:
    """A medium after something was added: itself, or a picture of it; once for the key."""

    async def work() -> Response:
        media_id = await add()
        return json_bytes(model_bytes(await one(desk, product_id, media_id)), status=status.HTTP_201_CREATED)

    return await once(request, core, who, key, work)
