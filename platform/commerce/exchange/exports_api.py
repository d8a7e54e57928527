"""Files of the catalogue that workers make, over HTTP, for staff."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response, status
from fastapi.responses import StreamingResponse

from commerce.archives.handing_out import handed_out, require_storage
from commerce.catalog.schemas import Page
from commerce.exchange import exporting, exports, feeding
from commerce.exchange.exports import ExportNotFound
from commerce.exchange.schemas import CatalogueExportList, CatalogueExportOut, ExportFormat, ExportIn
from commerce.http import Core, CoreDep, ShopDep, front_of, staff
from commerce.identity.staff import Staff
from commerce.leaving.storage import Store
from commerce.paging import LAST, page_of, place_of
from commerce.tenancy.service import Shop
from foundation.types import Id

router = APIRouter(prefix="/v1/admin/catalogue-exports", tags=["catalogue"])
Reader = Annotated[Staff, Depends(staff("catalog:read"))]
Writer = Annotated[Staff, Depends(staff("catalog:write"))]
ExportId = Annotated[Id, Path()]
ENDINGS: Mapping[ExportFormat, str] = {"csv": "csv", "jsonl": "jsonl", "xlsx": "xlsx", "google": "xml"}
A_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {kind: {} for kind in (*exporting.MEDIA_TYPES.values(), feeding.MEDIA_TYPE)},
        "description": "The catalogue.",
    }
}


@router.get("")
async def list_exports(core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[Page, Query()]) -> CatalogueExportList:
    """Files of the catalogue, the latest first."""
    before = place_of(query.cursor, LAST)
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await exports.page(tx, before, query.limit + 1)
    return CatalogueExportList(**page_of(found, query.limit))


@router.post("", status_code=status.HTTP_202_ACCEPTED)
async def ask(
    request: Request, core: CoreDep, shop: ShopDep, by: Writer, body: ExportIn, response: Response
) -> CatalogueExportOut:
    """Have the catalogue written into a file that is kept for a week: all of it, as an import takes it in again; or,
    for Google, what is sold right now.
    """
    if body.costs:
        by.require("prices:read")
    require_storage(core.settings)
    async with core.database.tx(shop.id) as tx:
        asked = await exports.ask(tx, body, by=by.principal, home=front_of(request, shop))
    response.headers["Location"] = f"{router.prefix}/{asked.id}"
    return asked


@router.get("/{export_id}")
async def read(core: CoreDep, shop: ShopDep, _: Reader, export_id: ExportId) -> CatalogueExportOut:
    """How far a file is."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await exports.one(tx, export_id)


@router.get("/{export_id}/file", response_class=StreamingResponse, responses=A_FILE)
async def download(core: CoreDep, shop: ShopDep, by: Reader, export_id: ExportId) -> StreamingResponse:
    """The file; one with costs takes `prices:read`. `Repr-Digest` (RFC 9530) is its SHA-256."""
    return await file_of(core, shop, export_id, by)


async def file_of(core: Core, shop: Shop, export_id: Id, by: Staff) -> StreamingResponse:
    """A file of the catalogue that is made, for one of the staff.

    Raises:
        ExportNotFound, ExportNotReady, NoStorage, ScopeMissing.
    """
    url = require_storage(core.settings)
    async with core.database.tx(shop.id, read_only=True) as tx:
        export, made = await exports.ready(tx, export_id)
    if export.costs:
        by.require("prices:read")
    name = f"{shop.slug}-products-{export.requested_at:%Y-%m-%d}.{ENDINGS[export.format]}"
    pieces = Store.at(url).read(exports.path_of(shop.id, made))
    try:
        return await handed_out(
            pieces, name=name, size=export.size, sha256=export.sha256, media_type=_media_type(export.format)
        )
    except FileNotFoundError as fault:
        raise ExportNotFound from fault


def _media_type(kind: ExportFormat) -> str:
    return feeding.MEDIA_TYPE if kind == "google" else exporting.MEDIA_TYPES[kind]
