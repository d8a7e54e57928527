"""Looking after orders, over HTTP."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response, status
from fastapi.responses import StreamingResponse

from commerce.http import Core, CoreDep, KeyDep, ShopDep, change_once, decode_cursor, encode_cursor, once, staff
from commerce.identity.staff import Staff
from commerce.orders import cancelling, editing, fulfilling, notes, reading, refunding, returning, shipping, tracking
from commerce.orders.held import Actor
from commerce.orders.money import Money
from commerce.orders.returning import Announced, Arrived
from commerce.orders.schemas import (
    AmountRefundIn,
    ApprovalIn,
    CancelIn,
    CancellationsIn,
    CancelResult,
    CancelResults,
    ChangeOut,
    ConfirmIn,
    DecisionIn,
    EditIn,
    FilteredPage,
    Filters,
    FulfilIn,
    LineUnitsIn,
    NoteIn,
    ParcelResult,
    ParcelResults,
    ParcelsIn,
    ProgressIn,
    ReceiveIn,
    RefundTo,
    RetryIn,
    ShippingRefundIn,
    StaffOrderList,
    StaffOrderOut,
    StaffOrderSummary,
    StaffReturnIn,
    TrackingIn,
    UnitsRefundIn,
)
from commerce.orders.states import TRANSITIONS
from commerce.payments.providers import configured
from foundation.database import Tx
from foundation.errors import Problem
from foundation.http import json_bytes, model_bytes

router = APIRouter(prefix="/v1/admin/orders", tags=["orders"])

Reader = Annotated[Staff, Depends(staff("orders:read"))]
Canceller = Annotated[Staff, Depends(staff(TRANSITIONS["cancel"].scope))]
Editor = Annotated[Staff, Depends(staff(TRANSITIONS["edit"].scope))]
Fulfiller = Annotated[Staff, Depends(staff(TRANSITIONS["fulfil"].scope))]
Tracker = Annotated[Staff, Depends(staff(TRANSITIONS["progress"].scope))]
Returner = Annotated[Staff, Depends(staff(TRANSITIONS["request_return"].scope))]
Decider = Annotated[Staff, Depends(staff(TRANSITIONS["decide_return"].scope))]
Refunder = Annotated[Staff, Depends(staff(TRANSITIONS["refund"].scope))]
Writer = Annotated[Staff, Depends(staff(TRANSITIONS["note"].scope))]
OrderId = Annotated[UUID, Path()]

EXPORT_PAGE = 500
EXPORTED = ("number", "placed_at", "status", "payment_state", "fulfilment_state", "return_state", "email", "units")
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@router.get("")
async def list_orders(
    core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[FilteredPage, Query()]
) -> StaffOrderList:
    """The shop's orders that fit, newest first."""
    after = decode_cursor(query.cursor)[1] if query.cursor else None
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await reading.search(tx, query, after=after, limit=query.limit + 1)
    shown, more = list(found[: query.limit]), len(found) > query.limit
    return StaffOrderList(items=shown, has_more=more, next_cursor=encode_cursor(0, shown[-1].id) if more else None)


@router.get("/export", response_class=StreamingResponse, responses={200: {"content": {"text/csv": {}}}})
async def export(core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[Filters, Query()]) -> StreamingResponse:
    """The shop's orders that fit as CSV, newest first; amounts in minor units."""
    return StreamingResponse(
        _csv(core, shop.id, query),
        media_type="text/csv",
        headers={"Content-Disposition": 'attachment; filename="orders.csv"'},
    )


@router.post("/fulfilments", response_model=ParcelResults)
async def fulfil_many(request: Request, core: CoreDep, by: Fulfiller, key: KeyDep, body: ParcelsIn) -> Response:
    """Send a parcel for each of many orders, with all of it that has not left. Each stands for itself.

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


@router.post("/cancellations", response_model=CancelResults)
async def cancel_many(request: Request, core: CoreDep, by: Canceller, key: KeyDep, body: CancellationsIn) -> Response:
    """Cancel what has not left of many orders. Each stands for itself."""

    async def work() -> Response:
        items = [await _cancelled(core, by, order_id, body.reason) for order_id in dict.fromkeys(body.order_ids)]
        return json_bytes(model_bytes(CancelResults(items=items)))

    return await once(request, core, by, key, work)


@router.get("/{order_id}")
async def get_order(core: CoreDep, shop: ShopDep, _: Reader, order_id: OrderId) -> StaffOrderOut:
    """One order with its timeline, and what can be done to it."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await reading.for_staff(tx, order_id)


@router.post("/{order_id}/cancel", response_model=StaffOrderOut)
async def cancel(
    request: Request, core: CoreDep, by: Canceller, key: KeyDep, order_id: OrderId, body: CancelIn
) -> Response:
    """Cancel units that have not left: those named, or all."""

    async def do(tx: Tx) -> None:
        await cancelling.cancel(tx, order_id, _actor(by), reason=body.reason, lines=_units(body.lines))

    return await _change(request, core, by, key, order_id, do)


@router.post("/{order_id}/edits", status_code=status.HTTP_201_CREATED, response_model=ChangeOut)
async def draft_edit(
    request: Request, core: CoreDep, by: Editor, key: KeyDep, order_id: OrderId, body: EditIn
) -> Response:
    """Think an edit out: what it would make of the order. Confirming it does that, or nothing."""

    async def work() -> Response:
        async with core.database.tx(by.tenant_id) as tx:
            edit_id = await editing.draft(tx, order_id, _actor(by), body.actions, note=body.note)
            edit = await editing.read(tx, order_id, edit_id)
        return json_bytes(model_bytes(edit), status=status.HTTP_201_CREATED)

    return await once(request, core, by, key, work)


@router.get("/{order_id}/edits/{edit_id}")
async def get_edit(
    core: CoreDep, shop: ShopDep, _: Reader, order_id: OrderId, edit_id: Annotated[UUID, Path()]
) -> ChangeOut:
    """An edit with its preview."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await editing.read(tx, order_id, edit_id)


@router.post("/{order_id}/edits/{edit_id}/confirm", response_model=StaffOrderOut)
async def confirm_edit(
    request: Request,
    core: CoreDep,
    by: Editor,
    key: KeyDep,
    order_id: OrderId,
    edit_id: Annotated[UUID, Path()],
    body: ConfirmIn,
) -> Response:
    """Do what the preview says; an edit that makes the order dearer then waits for its shopper to pay."""

    async def do(tx: Tx) -> None:
        await editing.confirm(tx, order_id, edit_id, _actor(by), version=body.version)

    return await _change(request, core, by, key, order_id, do)


@router.post("/{order_id}/edits/{edit_id}/cancel", response_model=StaffOrderOut)
async def cancel_edit(
    request: Request, core: CoreDep, by: Editor, key: KeyDep, order_id: OrderId, edit_id: Annotated[UUID, Path()]
) -> Response:
    """Give up an edit that is not confirmed, or not paid."""

    async def do(tx: Tx) -> None:
        await editing.drop(tx, order_id, edit_id, _actor(by))

    return await _change(request, core, by, key, order_id, do)


@router.post("/{order_id}/fulfilments", status_code=status.HTTP_201_CREATED, response_model=StaffOrderOut)
async def fulfil(
    request: Request, core: CoreDep, by: Fulfiller, key: KeyDep, order_id: OrderId, body: FulfilIn
) -> Response:
    """Send a parcel with the units named, or with all that has not left."""

    async def do(tx: Tx) -> None:
        await _fulfil(tx, by, order_id, body)

    return await _change(request, core, by, key, order_id, do, status.HTTP_201_CREATED)


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
        await fulfilling.progress(tx, order_id, fulfilment_id, body.status, _actor(by))

    return await _change(request, core, by, key, order_id, do)


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
            tx, order_id, fulfilment_id, _actor(by), carrier=body.carrier, tracking_number=body.tracking_number
        )

    return await _change(request, core, by, key, order_id, do)


@router.post("/{order_id}/returns", status_code=status.HTTP_201_CREATED, response_model=StaffOrderOut)
async def announce_return(
    request: Request, core: CoreDep, by: Returner, key: KeyDep, order_id: OrderId, body: StaffReturnIn
) -> Response:
    """Announce units that come back, for their money or for other units: approved at once."""
    announced = [Announced(line.line_id, line.quantity, line.reason) for line in body.lines]

    async def do(tx: Tx) -> None:
        await returning.request(
            tx, order_id, _actor(by), announced, note=body.note, wanted=body.by_variant(), override=body.override
        )

    return await _change(request, core, by, key, order_id, do, status.HTTP_201_CREATED)


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
        actor=_actor(by),
        note=body.note,
        send_now=body.send_now,
    )
    return await _change(request, core, by, key, order_id, decide)


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
    decide = partial(returning.reject, order_id=order_id, return_id=return_id, actor=_actor(by), note=body.note)
    return await _change(request, core, by, key, order_id, decide)


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
        else [Arrived(line.line_id, line.quantity, line.restock, line.condition, line.note) for line in body.lines]
    )

    async def do(tx: Tx) -> None:
        await returning.receive(
            tx,
            order_id,
            return_id,
            _actor(by),
            arrived,
            warehouse=body.warehouse,
            refund_to=_other(body.refund_to),
        )

    return await _change(request, core, by, key, order_id, do)


@router.post("/{order_id}/refunds", status_code=status.HTTP_201_CREATED, response_model=StaffOrderOut)
async def refund(
    request: Request,
    core: CoreDep,
    by: Refunder,
    key: KeyDep,
    order_id: OrderId,
    body: AmountRefundIn | UnitsRefundIn | ShippingRefundIn,
) -> Response:
    """Give back an amount, the share of some units, or the delivery, without goods coming back."""

    async def do(tx: Tx) -> None:
        if isinstance(body, AmountRefundIn):
            await refunding.refund_amount(
                tx, order_id, _actor(by), amount=body.amount, reason=body.reason, to=_other(body.to)
            )
        elif isinstance(body, ShippingRefundIn):
            await shipping.refund_shipping(
                tx,
                order_id,
                _actor(by),
                amount=body.shipping,
                reason=body.reason,
                consignment_id=body.consignment_id,
                to=_other(body.to),
            )
        else:
            units = [(line.line_id, line.quantity) for line in body.lines]
            await refunding.refund_units(tx, order_id, _actor(by), lines=units, reason=body.reason, to=_other(body.to))

    return await _change(request, core, by, key, order_id, do, status.HTTP_201_CREATED)


@router.post("/{order_id}/refunds/retry", response_model=StaffOrderOut)
async def retry_refunds(
    request: Request, core: CoreDep, by: Refunder, key: KeyDep, order_id: OrderId, body: RetryIn | None = None
) -> Response:
    """Try again to give back what a provider would not take, there or as store credit."""

    async def do(tx: Tx) -> None:
        await refunding.retry(tx, order_id, _actor(by), to=_other(body.to) if body else None)

    return await _change(request, core, by, key, order_id, do)


@router.post("/{order_id}/notes", status_code=status.HTTP_201_CREATED, response_model=StaffOrderOut)
async def note(request: Request, core: CoreDep, by: Writer, key: KeyDep, order_id: OrderId, body: NoteIn) -> Response:
    """Write something down for other staff."""

    async def do(tx: Tx) -> None:
        await notes.write(tx, order_id, _actor(by), body.note)

    return await _change(request, core, by, key, order_id, do, status.HTTP_201_CREATED)


async def _change(
    request: Request,
    core: Core,
    by: Staff,
    key: str,
    order_id: UUID,
    do: Callable[[Tx], Awaitable[object]],
    answer: int = status.HTTP_200_OK,
) -> Response:
    async def read() -> Response:
        await Money(core.database, configured(core.database, core.settings)).settle(by.tenant_id, order_id)
        async with core.database.tx(by.tenant_id, read_only=True) as tx:
            order = await reading.for_staff(tx, order_id)
        return json_bytes(model_bytes(order), status=answer)

    return await change_once(request, core, by, key, do, read)


async def _fulfil(tx: Tx, by: Staff, order_id: UUID, body: FulfilIn) -> UUID:
    return await fulfilling.fulfil(
        tx,
        order_id,
        _actor(by),
        lines=_units(body.lines),
        consignment_id=body.consignment_id,
        warehouse=body.warehouse,
        carrier=body.carrier,
        tracking_number=body.tracking_number,
    )


async def _fulfilled(core: Core, by: Staff, order_id: UUID, body: FulfilIn) -> ParcelResult:
    try:
        async with core.database.tx(by.tenant_id) as tx:
            fulfilment_id = await _fulfil(tx, by, order_id, body)
    except Problem as problem:
        return ParcelResult(order_id=order_id, fulfilment_id=None, problem=problem.code)
    return ParcelResult(order_id=order_id, fulfilment_id=fulfilment_id, problem=None)


async def _cancelled(core: Core, by: Staff, order_id: UUID, reason: str) -> CancelResult:
    try:
        async with core.database.tx(by.tenant_id) as tx:
            await cancelling.cancel(tx, order_id, _actor(by), reason=reason)
    except Problem as problem:
        return CancelResult(order_id=order_id, problem=problem.code)
    await Money(core.database, configured(core.database, core.settings)).settle(by.tenant_id, order_id)
    return CancelResult(order_id=order_id, problem=None)


async def _csv(core: Core, tenant_id: UUID, filters: Filters) -> AsyncIterator[str]:
    yield _rows([(*EXPORTED, "currency", "total", "credited")])
    after: UUID | None = None
    while True:
        async with core.database.tx(tenant_id, read_only=True) as tx:
            found = await reading.search(tx, filters, after=after, limit=EXPORT_PAGE)
        if found:
            yield _rows([_row(order) for order in found])
        if len(found) < EXPORT_PAGE:
            return
        after = found[-1].id


def _row(order: StaffOrderSummary) -> tuple[object, ...]:
    said = tuple(getattr(order, name) for name in EXPORTED)
    return (*said, order.total.currency, order.total.amount, order.credited)


def _rows(rows: list[tuple[object, ...]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows([[_harmless(cell) for cell in row] for row in rows])
    return written.getvalue()


def _harmless(cell: object) -> object:
    """A spreadsheet would run a text that begins like a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def _actor(by: Staff) -> Actor:
    return Actor("staff", f"staff:{by.name}")


def _other(to: RefundTo) -> str | None:
    """The provider that gives money back in place of the one that took it."""
    return None if to == "original" else to


def _units(lines: list[LineUnitsIn] | None) -> list[tuple[UUID, int]] | None:
    return None if lines is None else [(line.line_id, line.quantity) for line in lines]
