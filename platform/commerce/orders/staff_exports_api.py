"""Orders as a file, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from commerce.http import Core, CoreDep, staff
from commerce.identity.staff import Staff
from commerce.orders import reading
from commerce.orders.schemas import Filters, StaffOrderSummary
from foundation.spreadsheets import csv_of

router = APIRouter(prefix="/v1/admin/orders", tags=["orders"])
Reader = Annotated[Staff, Depends(staff("orders:read"))]


EXPORT_PAGE = 500
EXPORTED = ("number", "placed_at", "status", "payment_state", "fulfilment_state", "return_state", "email", "units")


@router.get("/export", response_class=StreamingResponse, responses={200: {"content": {"text/csv": {}}}})
async def export(core: CoreDep, by: Reader, query: Annotated[Filters, Query()]) -> StreamingResponse:
    """The shop's orders that fit as CSV, newest first; amounts in minor units."""
    return StreamingResponse(
        _csv(core, by, query),
        media_type="text/csv",
        headers={"Content-Disposition": 'attachment; filename="orders.csv"'},
    )


async def _csv(core: Core, by: Staff, filters: Filters) -> AsyncIterator[str]:
    yield csv_of([(*EXPORTED, "currency", "total", "credited")])
    after: UUID | None = None
    while True:
        async with core.database.tx(by.tenant_id, read_only=True) as tx:
            found = await reading.search(tx, filters, by, after=after, limit=EXPORT_PAGE)
        if found:
            yield csv_of([_row(order) for order in found])
        if len(found) < EXPORT_PAGE:
            return
        after = found[-1].id


def _row(order: StaffOrderSummary) -> tuple[object, ...]:
    said = tuple(getattr(order, name) for name in EXPORTED)
    return (*said, order.total.currency, order.total.amount, order.credited)
