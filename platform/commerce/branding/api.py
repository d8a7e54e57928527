"""A shop's branding over HTTP, for its staff."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, status

from commerce.branding import logo, messages
from commerce.branding.schemas import LogoOut, MessageIn, MessageList, MessageOut, PreviewIn, PreviewOut, TestSent
from commerce.configuration.schemas import Template
from commerce.http import CoreDep, ShopDep, home_of, staff
from commerce.identity.staff import Staff
from foundation.pictures import PICTURE_BODY

router = APIRouter(prefix="/v1/admin/branding", tags=["branding"])
Reader = Annotated[Staff, Depends(staff("settings:read"))]
Writer = Annotated[Staff, Depends(staff("settings:write"))]
OfTemplate = Annotated[Template, Path()]


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


@router.get("/messages")
async def list_messages(core: CoreDep, shop: ShopDep, _: Reader) -> MessageList:
    """The messages that the shop sends, their words, and what the words may name."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await messages.every(tx)


@router.put("/messages/{template}")
async def change_message(core: CoreDep, shop: ShopDep, by: Writer, template: OfTemplate, body: MessageIn) -> MessageOut:
    """Have the shop's own words for a message; without any, the platform's."""
    async with core.database.tx(shop.id) as tx:
        await messages.change(tx, template, body.words(), version=body.version, by=by.name)
        changed, _ = await messages.one(tx, template)
    core.directory.heard(str(shop.id))
    return changed


@router.post("/messages/{template}/previews")
async def preview_message(
    request: Request, shop: ShopDep, _: Writer, template: OfTemplate, body: PreviewIn
) -> PreviewOut:
    """A message in these words, with sample values and in the shop's colours; nothing is kept."""
    return messages.preview(shop, template, body.words, home_of(request))


@router.post("/messages/{template}/tests", status_code=status.HTTP_202_ACCEPTED)
async def send_test_message(
    request: Request, core: CoreDep, shop: ShopDep, by: Writer, template: OfTemplate
) -> TestSent:
    """Send a message to oneself, as it is now, with sample values."""
    return TestSent(email=await messages.send_test(core.database, shop, by, template, home_of(request)))
