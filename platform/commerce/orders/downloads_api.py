"""What was bought to be downloaded, over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from commerce.archives.handing_out import require_storage
from commerce.catalog.schemas import Page
from commerce.digital.serving import CONTENT, Condition, Part, Span, handed_out
from commerce.http import Core, CoreDep, KeyDep, ShopDep, ShopperDep, staff
from commerce.identity.service import Shopper
from commerce.identity.staff import Staff
from commerce.orders import downloads
from commerce.orders.answering import OrderId, by_staff, change_order
from commerce.orders.download_schemas import DownloadList, OrderDownloads
from commerce.orders.schemas import StaffOrderOut
from commerce.paging import LAST, page_of, place_of
from commerce.policies import areas
from foundation.database import Tx

router = APIRouter(tags=["orders"], route_class=areas.within(areas.ORDERS))
Reader = Annotated[Staff, Depends(staff("orders:read"))]
Writer = Annotated[Staff, Depends(staff("orders:write"))]
LineId = Annotated[UUID, Path()]


@router.get("/v1/store/downloads")
async def list_downloads(
    core: CoreDep, shop: ShopDep, shopper: ShopperDep, query: Annotated[Page, Query()]
) -> DownloadList:
    """What the shopper has bought to be downloaded, the latest first."""
    before = place_of(query.cursor, LAST)
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await downloads.page(tx, shopper, before, query.limit + 1)
    return DownloadList(**page_of(found, query.limit))


@router.get("/v1/store/orders/{order_id}/downloads")
async def list_downloads_of_order(
    core: CoreDep, shop: ShopDep, shopper: ShopperDep, order_id: OrderId
) -> OrderDownloads:
    """What can be downloaded of one of the shopper's orders."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return OrderDownloads(items=await downloads.of_order(tx, order_id, owner=shopper))


@router.get(
    "/v1/store/orders/{order_id}/downloads/{line_id}/files/{file_id}",
    response_class=StreamingResponse,
    responses=CONTENT,
)
async def download(
    core: CoreDep,
    shopper: ShopperDep,
    order_id: OrderId,
    line_id: LineId,
    file_id: Annotated[UUID, Path()],
    part: Part = None,
    condition: Condition = None,
) -> StreamingResponse:
    """A file that the shopper bought. Going on, within a day, with what was broken off (`Range`) does not count."""
    return await file_of(core, shopper, (order_id, line_id, file_id), part, condition)


@router.get("/v1/admin/orders/{order_id}/downloads")
async def list_downloads_for_staff(core: CoreDep, shop: ShopDep, _: Reader, order_id: OrderId) -> OrderDownloads:
    """What can be downloaded of an order, how often it was, and whether it still can be."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return OrderDownloads(items=await downloads.of_order(tx, order_id))


@router.post("/v1/admin/orders/{order_id}/downloads/{line_id}/renewal", response_model=StaffOrderOut)
async def renew(
    request: Request, core: CoreDep, by: Writer, key: KeyDep, order_id: OrderId, line_id: LineId
) -> Response:
    """Count the days and downloads of a line anew, from now on."""
    by.require("orders:read")

    async def do(tx: Tx) -> None:
        await downloads.renew(tx, order_id, line_id, by_staff(by))

    return await change_order(request, core, by, key, order_id, do)


async def file_of(
    core: Core, shopper: Shopper, ids: tuple[UUID, UUID, UUID], part: str | None, condition: str | None
) -> StreamingResponse:
    """A file that a shopper bought, by the ids of the order, the line and its own.

    Raises:
        DownloadNotFound, DownloadExpired, DownloadWithdrawn, DownloadLimitReached, RangeNotSatisfiable, NoStorage,
        StorageUnavailable.
    """
    url = require_storage(core.settings)
    async with core.database.tx(shopper.tenant_id) as tx:
        file = await downloads.begin(tx, shopper, ids, goes_on=part is not None and not part.startswith("bytes=0-"))
    return await handed_out(url, shopper.tenant_id, file, Span.asked(part, condition, file))
