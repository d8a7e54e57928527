"""Imports of products over HTTP, for staff."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from fastapi import APIRouter, Depends, Path, Query, Request, Response, status
from fastapi.responses import StreamingResponse

from commerce.catalog.schemas import Page
from commerce.exchange import exporting, jobs, returning, storing
from commerce.exchange.exporting import Asked
from commerce.exchange.schemas import ExportQuery, ImportList, ImportOut, ImportQuery
from commerce.http import Core, CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from commerce.paging import LAST, page_of, place_of
from commerce.tenancy.service import Shop
from foundation.types import Id

router = APIRouter(prefix="/v1/admin/imports", tags=["catalogue"])
Reader = Annotated[Staff, Depends(staff("catalog:read"))]
Publisher = Annotated[Staff, Depends(staff("catalog:publish"))]
ImportId = Annotated[Id, Path()]
A_FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
ROWS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"text/csv": {}, "application/jsonl": {}},
        "description": "The bad rows as they came, with `import_line`, `import_column` and `import_reason`.",
    }
}


@router.get("")
async def list_imports(core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[Page, Query()]) -> ImportList:
    """Imports, the latest first."""
    before = place_of(query.cursor, LAST)
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await jobs.page(tx, before, query.limit + 1)
    return ImportList(**page_of(found, query.limit))


@router.post("", status_code=status.HTTP_202_ACCEPTED, openapi_extra=A_FILE)
async def send(
    request: Request,
    core: CoreDep,
    shop: ShopDep,
    by: Publisher,
    query: Annotated[ImportQuery, Query()],
    response: Response,
) -> ImportOut:
    """Have a file of products taken in: CSV, a workbook, JSON Lines, a feed for Google; it takes `prices:write` too."""
    by.require("prices:write")
    asked = await storing.receive(core.database, core.settings, shop, query, request.stream(), by=by.principal)
    response.headers["Location"] = f"{router.prefix}/{asked.id}"
    return asked


@router.get("/{import_id}")
async def read(core: CoreDep, shop: ShopDep, _: Reader, import_id: ImportId) -> ImportOut:
    """How far an import is, and what it has come to."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await jobs.one(tx, import_id)


@router.post("/{import_id}/cancellation")
async def cancel(core: CoreDep, shop: ShopDep, _: Publisher, import_id: ImportId) -> ImportOut:
    """Take no more of a file in; what was taken in stays."""
    async with core.database.tx(shop.id) as tx:
        return await jobs.cancel(tx, import_id)


@router.get("/{import_id}/errors", response_class=StreamingResponse, responses=ROWS)
async def read_errors(core: CoreDep, shop: ShopDep, _: Reader, import_id: ImportId) -> StreamingResponse:
    """The rows that were not taken, as they came, with line, column and reason: to correct, and to send again."""
    return await errors_of(core, shop, import_id)


exports_router = APIRouter(prefix="/v1/admin/product-exports", tags=["catalogue"])
EXPORT: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {exporting.MEDIA_TYPES[kind]: {} for kind in get_args(exporting.Format)},
        "description": "The catalogue.",
    }
}


@exports_router.get("/{format}", response_class=StreamingResponse, responses=EXPORT)
async def export(
    core: CoreDep,
    shop: ShopDep,
    by: Reader,
    kind: Annotated[exporting.Format, Path(alias="format")],
    query: Annotated[ExportQuery, Query()],
) -> StreamingResponse:
    """Every product and variant as a file that an import takes in again, written as it is read; with `costs` it takes
    `prices:read`.
    """
    if query.costs:
        by.require("prices:read")
    return export_of(core, shop, kind, costs=query.costs)


def export_of(core: Core, shop: Shop, kind: exporting.Format, *, costs: bool = False) -> StreamingResponse:
    """The file of a shop's catalogue."""
    return StreamingResponse(
        exporting.pieces(core.database, Asked(shop.id, shop.currency, costs), kind),
        media_type=exporting.MEDIA_TYPES[kind],
        headers={
            "Content-Disposition": f'attachment; filename="{shop.slug}-products.{kind}"',
            "Cache-Control": "no-store",
        },
    )


async def errors_of(core: Core, shop: Shop, import_id: Id) -> StreamingResponse:
    """The file of an import's bad rows.

    Raises:
        ImportNotFound.
    """
    async with core.database.tx(shop.id, read_only=True) as tx:
        kind, columns = await jobs.columns(tx, import_id)
    return StreamingResponse(
        returning.pieces(core.database, shop.id, import_id, kind, columns),
        media_type=returning.MEDIA_TYPES[kind],
        headers={
            "Content-Disposition": f'attachment; filename="errors-{import_id}.{returning.ENDINGS[kind]}"',
            "Cache-Control": "no-store",
        },
    )
