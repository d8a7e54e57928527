"""What staff send, over HTTP: parcels, one by one and many at once."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response, status

from commerce.http import Core, CoreDep, KeyDep, once, staff
from commerce.identity.staff import Staff
from commerce.orders import fulfilling, tracking
from commerce.orders.answering import OrderId, by_staff, change_order, units_of
from commerce.orders.parcel_schemas import FulfilIn, ParcelResult, ParcelResults, ParcelsIn, ProgressIn, TrackingIn
from commerce.orders.schemas import StaffOrderOut
from commerce.orders.states import TRANSITIONS
from foundation.database import Tx
from foundation.errors import Problem
from foundation.http import json_bytes, model_bytes

router = APIRouter(prefix="/v1/admin/orders", tags=["orders"])
Fulfiller = Annotated[Staff, Depends(staff(TRANSITIONS["fulfil"].scope))]
Tracker = Annotated[Staff, Depends(staff(TRANSITIONS["progress"].scope))]


@router.post("/fulfilments", response_model=ParcelResults)
async def fulfil_many(request: Request, core: CoreDep, by: Fulfiller, key: KeyDep, body: ParcelsIn) -> Response:
    """Send all that has not left of each of many orders, in a parcel a warehouse. Each order stands for itself.

    Sending the same again is safe: an order of which nothing is left to send answers with a problem.
    """

    async def work() -> Response:
        items = [
            await _fulfilled(
                core, by, parcel.order_id, FulfilIn(carrier=parcel.carrier, tracking_number=parcel.tracking_number)
            )
            for parcel in body.parcels
        ]
        return json_bytes(model_bytes(ParcelResults(items=items)))

    return await once(request, core, by, key, work)


@router.post("/{order_id}/fulfilments", status_code=status.HTTP_201_CREATED, response_model=StaffOrderOut)
async def fulfil(
    request: Request, core: CoreDep, by: Fulfiller, key: KeyDep, order_id: OrderId, body: FulfilIn
) -> Response:
    """Send the units named, or all that has not left, in a parcel from each warehouse that they lie in."""

    async def do(tx: Tx) -> None:
        await _fulfil(tx, by, order_id, body)

    return await change_order(request, core, by, key, order_id, do, status.HTTP_201_CREATED)


@router.post("/{order_id}/fulfilments/{fulfilment_id}/progress", response_model=StaffOrderOut)
async def progress(
    request: Request,
    core: CoreDep,
    by: Tracker,
    key: KeyDep,
    order_id: OrderId,
    fulfilment_id: Annotated[UUID, Path()],
    body: ProgressIn,
) -> Response:
    """Say how far a parcel has come."""

    async def do(tx: Tx) -> None:
        await fulfilling.progress(tx, order_id, fulfilment_id, body.status, by_staff(by))

    return await change_order(request, core, by, key, order_id, do)


@router.post("/{order_id}/fulfilments/{fulfilment_id}/tracking", response_model=StaffOrderOut)
async def track(
    request: Request,
    core: CoreDep,
    by: Tracker,
    key: KeyDep,
    order_id: OrderId,
    fulfilment_id: Annotated[UUID, Path()],
    body: TrackingIn,
) -> Response:
    """Say who carries a parcel, and under which number; what was said of the number before counts."""

    async def do(tx: Tx) -> None:
        await tracking.track(
            tx, order_id, fulfilment_id, by_staff(by), carrier=body.carrier, tracking_number=body.tracking_number
        )

    return await change_order(request, core, by, key, order_id, do)


async def _fulfil(tx: Tx, by: Staff, order_id: UUID, body: FulfilIn) -> list[UUID]:
    return await fulfilling.fulfil(
        tx,
        order_id,
        by_staff(by),
        lines=units_of(body.lines),
        consignment_id=body.consignment_id,
        warehouse=body.warehouse,
        carrier=body.carrier,
        tracking_number=body.tracking_number,
    )


async def _fulfilled(core: Core, by: Staff, order_id: UUID, body: FulfilIn) -> ParcelResult:
    try:
        async with core.database.tx(by.tenant_id) as tx:
            fulfilment_ids = await _fulfil(tx, by, order_id, body)
    except Problem as problem:
        return ParcelResult(order_id=order_id, fulfilment_ids=[], problem=problem.code)
    return ParcelResult(order_id=order_id, fulfilment_ids=fulfilment_ids, problem=None)
