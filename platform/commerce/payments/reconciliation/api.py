"""Reconciliation over HTTP, for staff."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query

from commerce.http import CoreDep, ShopDep, decode_cursor, encode_cursor, staff
from commerce.identity.staff import Staff
from commerce.payments.providers import configured
from commerce.payments.reconciliation import reading, service
from commerce.payments.reconciliation.schemas import (
    ExceptionOut,
    ExceptionsQuery,
    ReconciliationOut,
    ResolveIn,
    RunIn,
    SummaryOut,
)

router = APIRouter(prefix="/v1/admin/payments/reconciliation", tags=["payments"])
Reader = Annotated[Staff, Depends(staff("payments:read"))]
Writer = Annotated[Staff, Depends(staff("payments:write"))]


@router.get("")
async def look(
    core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[ExceptionsQuery, Query()]
) -> ReconciliationOut:
    """The last days that were compared with providers' reports, and what did not agree."""
    after = decode_cursor(query.cursor)[1] if query.cursor else None
    async with core.database.tx(shop.id, read_only=True) as tx:
        runs = await reading.runs(tx)
        found = await reading.exceptions(tx, resolved=query.resolved, after=after, limit=query.limit + 1)
    page, has_more = found[: query.limit], len(found) > query.limit
    cursor = encode_cursor(0, page[-1].id) if has_more else None
    return ReconciliationOut(runs=runs, exceptions=page, has_more=has_more, next_cursor=cursor)


@router.post("")
async def run(core: CoreDep, shop: ShopDep, _: Writer, body: RunIn) -> SummaryOut:
    """Compare a day that is over, now; once more is nothing new unless the provider says something new."""
    provider = configured(core.database, core.settings).named(body.provider)
    found = await service.reconcile(core.database, provider, shop.id, body.day)
    return SummaryOut(lines=found.lines, new=found.new, exceptions=found.exceptions)


@router.post("/{exception_id}/resolve")
async def resolve(
    core: CoreDep, shop: ShopDep, _: Writer, exception_id: Annotated[UUID, Path()], body: ResolveIn
) -> ExceptionOut:
    """Say how an exception is explained; it leaves the list."""
    async with core.database.tx(shop.id) as tx:
        return await reading.resolve(tx, exception_id, body.resolution)
