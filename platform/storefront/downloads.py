"""What a shopper bought to be downloaded."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from commerce.digital.serving import Condition, Part
from commerce.orders import downloads, downloads_api
from commerce.paging import LAST, page_of, place_of
from commerce.policies import areas
from foundation.errors import Problem
from storefront.orders import OrderId, order_page
from storefront.visit import VisitDep

DOWNLOADS = 20
router = APIRouter(route_class=areas.within(areas.ORDERS))


@router.get("/downloads")
async def list_downloads(visit: VisitDep, cursor: Annotated[str | None, Query(max_length=200)] = None) -> Response:
    """All that the shopper can download, the latest first."""
    before = place_of(cursor, LAST)
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        found = await downloads.page(tx, visit.shopper, before, DOWNLOADS + 1)
    page = page_of(found, DOWNLOADS)
    return visit.page("downloads.html", downloads=page["items"], next_cursor=page["next_cursor"])


@router.get("/orders/{order_id}/downloads/{line_id}/files/{file_id}")
async def download(
    visit: VisitDep,
    order_id: OrderId,
    line_id: Annotated[UUID, Path()],
    file_id: Annotated[UUID, Path()],
    part: Part = None,
    condition: Condition = None,
) -> Response:
    """A file of an order; why it can't be had is said on the order's page."""
    try:
        return await downloads_api.file_of(visit.core, visit.shopper, (order_id, line_id, file_id), part, condition)
    except Problem as problem:
        return await order_page(visit, order_id, problem)
