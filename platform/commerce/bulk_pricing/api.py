"""Bulk price changes over HTTP, for staff."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response, status
from fastapi.responses import StreamingResponse

from commerce.bulk_pricing import jobs, rows
from commerce.bulk_pricing.schemas import (
    ApplicationIn,
    BulkChangeIn,
    BulkChangeList,
    BulkChangeOut,
    RowList,
    RowsQuery,
)
from commerce.catalog.schemas import Page
from commerce.http import Core, CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from commerce.paging import FIRST, LAST, page_of, place_of
from commerce.tenancy.service import Shop
from foundation import audit
from foundation.types import Id

router = APIRouter(prefix="/v1/admin/prices/bulk-changes", tags=["prices"])
Reader = Annotated[Staff, Depends(staff("prices:read"))]
Writer = Annotated[Staff, Depends(staff("prices:write"))]
ChangeId = Annotated[Id, Path()]
FILE: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {}}, "description": "A row for every SKU."}}


@router.get("")
async def list_changes(core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[Page, Query()]) -> BulkChangeList:
    """Bulk price changes, the latest first: who asked for which, why, and what came of it."""
    before = place_of(query.cursor, LAST)
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await jobs.page(tx, before, query.limit + 1)
    return BulkChangeList(**page_of(found, query.limit))


@router.post("", status_code=status.HTTP_202_ACCEPTED)
async def ask(core: CoreDep, shop: ShopDep, by: Writer, body: BulkChangeIn, response: Response) -> BulkChangeOut:
    """Have a change of many prices looked at; no price is another before it is applied."""
    async with core.database.tx(shop.id) as tx:
        change_id = await jobs.ask(tx, body, by=by.principal)
        audit.made("bulk_price_change", change_id)
        asked = await jobs.one(tx, change_id)
    response.headers["Location"] = f"{router.prefix}/{change_id}"
    return asked


@router.get("/{change_id}")
async def read(core: CoreDep, shop: ShopDep, _: Reader, change_id: ChangeId) -> BulkChangeOut:
    """How far a change is, what it comes to, and what is in its way."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await jobs.one(tx, change_id)


@router.get("/{change_id}/rows")
async def list_rows(
    core: CoreDep, shop: ShopDep, _: Reader, change_id: ChangeId, query: Annotated[RowsQuery, Query()]
) -> RowList:
    """What becomes of every SKU, with what is in its way."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        await jobs.one(tx, change_id)
        found = await rows.page(tx, change_id, query.state, place_of(query.cursor, FIRST), query.limit + 1)
    return RowList(**page_of(found, query.limit))


@router.get("/{change_id}/file", response_class=StreamingResponse, responses=FILE)
async def read_file(core: CoreDep, shop: ShopDep, _: Reader, change_id: ChangeId) -> StreamingResponse:
    """The same as a CSV, all of it."""
    return await file_of(core, shop, change_id)


@router.post("/{change_id}/application", status_code=status.HTTP_202_ACCEPTED)
async def apply(core: CoreDep, shop: ShopDep, by: Writer, change_id: ChangeId, body: ApplicationIn) -> BulkChangeOut:
    """Have the prices changed as the preview says, by a worker."""
    async with core.database.tx(shop.id) as tx:
        return await jobs.apply(tx, change_id, body, by=by.principal)


@router.post("/{change_id}/cancellation")
async def cancel(core: CoreDep, shop: ShopDep, _: Writer, change_id: ChangeId) -> BulkChangeOut:
    """See to no more of it; what is done stays, and can be undone."""
    async with core.database.tx(shop.id) as tx:
        return await jobs.stop(tx, change_id)


@router.post("/{change_id}/undoing", status_code=status.HTTP_202_ACCEPTED)
async def undo(core: CoreDep, shop: ShopDep, by: Writer, change_id: ChangeId) -> BulkChangeOut:
    """Have every SKU cost again what it cost before, but those whose price was changed since."""
    async with core.database.tx(shop.id) as tx:
        return await jobs.undo(tx, change_id, by=by.principal)


async def file_of(core: Core, shop: Shop, change_id: Id) -> StreamingResponse:
    """The file of a change's SKUs.

    Raises:
        BulkChangeNotFound.
    """
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await jobs.one(tx, change_id)
    return StreamingResponse(
        rows.pieces(core.database, shop.id, change_id, found.change.currency),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{shop.slug}-prices-{change_id}.csv"',
            "Cache-Control": "no-store",
        },
    )
