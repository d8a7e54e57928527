"""What comes back, over HTTP: returns as staff decide on them."""

from __future__ import annotations

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response, status

from commerce.http import CoreDep, KeyDep, staff
from commerce.identity.staff import Staff
from commerce.orders import returning
from commerce.orders.answering import OrderId, by_staff, change_order, other
from commerce.orders.return_schemas import ApprovalIn, DecisionIn, ReceiveIn, StaffReturnIn
from commerce.orders.returning import Announced, Arrived
from commerce.orders.schemas import StaffOrderOut
from commerce.orders.states import TRANSITIONS
from commerce.orders.taxing import asking
from commerce.taxes import engines
from commerce.taxes.quotes import Quote
from foundation.database import Tx

router = APIRouter(prefix="/v1/admin/orders", tags=["orders"])
Returner = Annotated[Staff, Depends(staff(TRANSITIONS["request_return"].scope))]
Decider = Annotated[Staff, Depends(staff(TRANSITIONS["decide_return"].scope))]


@router.post("/{order_id}/returns", status_code=status.HTTP_201_CREATED, response_model=StaffOrderOut)
async def announce_return(
    request: Request, core: CoreDep, by: Returner, key: KeyDep, order_id: OrderId, body: StaffReturnIn
) -> Response:
    """Announce units that come back, for their money or for other units: approved at once."""
    announced = [Announced(line.line_id, line.quantity, line.reason) for line in body.lines]

    async def requested(quote: Quote | None) -> Response:
        async def do(tx: Tx) -> None:
            await returning.request(
                tx,
                order_id,
                by_staff(by),
                announced,
                note=body.note,
                wanted=body.by_variant(),
                override=body.override,
                quote=quote,
            )

        return await change_order(request, core, by, key, order_id, do, status.HTTP_201_CREATED)

    return await asking(engines.configured(core.settings), requested)


@router.post("/{order_id}/returns/{return_id}/approve", response_model=StaffOrderOut)
async def approve_return(
    request: Request,
    core: CoreDep,
    by: Decider,
    key: KeyDep,
    order_id: OrderId,
    return_id: Annotated[UUID, Path()],
    body: ApprovalIn,
) -> Response:
    """Let the customer send the units; what is wanted for them is held, or sent now."""
    decide = partial(
        returning.approve,
        order_id=order_id,
        return_id=return_id,
        actor=by_staff(by),
        note=body.note,
        send_now=body.send_now,
    )
    return await change_order(request, core, by, key, order_id, decide)


@router.post("/{order_id}/returns/{return_id}/reject", response_model=StaffOrderOut)
async def reject_return(
    request: Request,
    core: CoreDep,
    by: Decider,
    key: KeyDep,
    order_id: OrderId,
    return_id: Annotated[UUID, Path()],
    body: DecisionIn,
) -> Response:
    """Let the units stay with the customer."""
    decide = partial(returning.reject, order_id=order_id, return_id=return_id, actor=by_staff(by), note=body.note)
    return await change_order(request, core, by, key, order_id, decide)


@router.post("/{order_id}/returns/{return_id}/receive", response_model=StaffOrderOut)
async def receive_return(
    request: Request,
    core: CoreDep,
    by: Decider,
    key: KeyDep,
    order_id: OrderId,
    return_id: Annotated[UUID, Path()],
    body: ReceiveIn,
) -> Response:
    """Take in what arrived; its share of the money goes back."""
    arrived = (
        None
        if body.lines is None
        else [
            Arrived(line.line_id, line.quantity, line.restock, line.condition, line.note, line.lot)
            for line in body.lines
        ]
    )

    async def do(tx: Tx) -> None:
        await returning.receive(
            tx,
            order_id,
            return_id,
            by_staff(by),
            arrived,
            warehouse=body.warehouse,
            refund_to=other(body.refund_to),
        )

    return await change_order(request, core, by, key, order_id, do)
