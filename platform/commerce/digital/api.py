"""Goods that are downloaded, over HTTP, for staff."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response, status
from fastapi.responses import StreamingResponse

from commerce.archives.handing_out import require_storage
from commerce.digital import service
from commerce.digital.schemas import DigitalFileOut, DigitalIn, DigitalOut, FileQuery
from commerce.digital.serving import CONTENT, Condition, Part, Span, handed_out
from commerce.digital.storing import Shelf
from commerce.http import Core, CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from commerce.tenancy.service import Shop
from foundation.types import Id, Text

router = APIRouter(prefix="/v1/admin/digital-goods/{sku}", tags=["catalogue"])
Reader = Annotated[Staff, Depends(staff("catalog:read"))]
Publisher = Annotated[Staff, Depends(staff("catalog:publish"))]
Sku = Annotated[Text, Path()]
FileId = Annotated[Id, Path()]
A_FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def shelf_of(core: Core, shop: Shop) -> Shelf:
    """Where the shop's files are kept."""
    return Shelf(core.database, core.settings, shop.id)


@router.get("")
async def read(core: CoreDep, shop: ShopDep, _: Reader, sku: Sku) -> DigitalOut:
    """What a variant is as a download, and its files."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.get(tx, sku)


@router.put("")
async def put(core: CoreDep, shop: ShopDep, _: Publisher, sku: Sku, body: DigitalIn) -> DigitalOut:
    """Say whether a variant is downloaded instead of sent, how often, and for how long."""
    async with core.database.tx(shop.id) as tx:
        return await service.put(tx, sku, body)


@router.post("/files", status_code=status.HTTP_201_CREATED, openapi_extra=A_FILE)
async def add_file(
    request: Request,
    core: CoreDep,
    shop: ShopDep,
    _: Publisher,
    sku: Sku,
    query: Annotated[FileQuery, Query()],
    response: Response,
) -> DigitalFileOut:
    """Put a file to a variant: the body is the file, read as it comes."""
    kept = await shelf_of(core, shop).add(sku, query, request.stream())
    response.headers["Location"] = f"{request.url.path}/{kept.id}/content"
    return kept


@router.put("/files/{file_id}/content", openapi_extra=A_FILE)
async def replace_file(
    request: Request,
    core: CoreDep,
    shop: ShopDep,
    _: Publisher,
    sku: Sku,
    file_id: FileId,
    query: Annotated[FileQuery, Query()],
) -> DigitalFileOut:
    """Put another file in its place: whoever bought the variant gets this from now on."""
    return await shelf_of(core, shop).replace(sku, file_id, query, request.stream())


@router.get("/files/{file_id}/content", response_class=StreamingResponse, responses=CONTENT)
async def download_file(
    core: CoreDep,
    shop: ShopDep,
    _: Reader,
    sku: Sku,
    file_id: FileId,
    part: Part = None,
    condition: Condition = None,
) -> StreamingResponse:
    """A file as whoever buys it gets it."""
    url = require_storage(core.settings)
    async with core.database.tx(shop.id, read_only=True) as tx:
        file = await service.file(tx, sku, file_id)
    return await handed_out(url, shop.id, file, Span.asked(part, condition, file))


@router.delete("/files/{file_id}", status_code=status.HTTP_204_NO_CONTENT)
async def remove_file(core: CoreDep, shop: ShopDep, _: Publisher, sku: Sku, file_id: FileId) -> None:
    """Take a file away from everybody, also from whoever bought it."""
    await shelf_of(core, shop).remove(sku, file_id)
