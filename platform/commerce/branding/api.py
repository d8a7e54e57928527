"""A shop's branding over HTTP, for its staff."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from commerce.branding import logo
from commerce.branding.schemas import LogoOut
from commerce.http import CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from foundation.pictures import PICTURE_BODY

router = APIRouter(prefix="/v1/admin/branding", tags=["branding"])
Writer = Annotated[Staff, Depends(staff("settings:write"))]


@router.put("/logo", openapi_extra=PICTURE_BODY)
async def put_logo(request: Request, core: CoreDep, shop: ShopDep, by: Writer) -> LogoOut:
    """Have another logo: the body is a PNG, JPEG or WebP, of which nothing but the picture is kept."""
    changed = await logo.put(core.database, core.settings, shop.id, await request.body(), by=by.name)
    core.directory.heard(str(shop.id))
    return changed


@router.delete("/logo")
async def remove_logo(core: CoreDep, shop: ShopDep, by: Writer) -> LogoOut:
    """Have the shop's name in place of its logo."""
    async with core.database.tx(shop.id) as tx:
        changed = await logo.remove(tx, by=by.name)
    core.directory.heard(str(shop.id))
    return changed
