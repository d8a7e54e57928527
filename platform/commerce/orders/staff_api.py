"""Looking after orders, over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response, status

from commerce.http import Core, CoreDep, KeyDep, ShopDep, decode_cursor, once, staff
from commerce.identity.staff import Staff
from commerce.orders import cancelling, editing, notes, reading, refunding, shipping
from commerce.orders.answering import OrderId, by_staff, change_order, money_of, other, units_of
from commerce.orders.change_schemas import ChangeOut, ConfirmIn, EditIn
from commerce.orders.schemas import (
    AmountRefundIn,
    CancelIn,
    CancellationsIn,
    CancelResult,
    CancelResults,
    FilteredPage,
    NoteIn,
    RetryIn,
    ShippingRefundIn,
    StaffOrderList,
    StaffOrderOut,
    UnitsRefundIn,
)
from commerce.orders.states import TRANSITIONS
from commerce.orders.taxing import asking
from commerce.paging import page_of
from commerce.taxes import engines
from commerce.taxes.quotes import Quote
from foundation.database import Tx
from foundation.errors import Problem
from foundation.http import json_bytes, model_bytes

router = APIRouter(prefix="/v1/admin/orders", tags=["orders"])
Reader = Annotated[Staff, Depends(staff("orders:read"))]
Canceller = Annotated[Staff, Depends(staff(TRANSITIONS["cancel"].scope))]
Editor = Annotated[Staff, Depends(staff(TRANSITIONS["edit"].scope))]
Refunder = Annotated[Staff, Depends(staff(TRANSITIONS["refund"].scope))]
Writer = Annotated[Staff, Depends(staff(TRANSITIONS["note"].scope))]


@router.get("")
async def list_orders(
    core: CoreDep, shop: ShopDep, by: Reader, query: Annotated[FilteredPage, Query()]
) -> StaffOrderList:
    """The shop's orders that fit, newest first."""
    after = decode_cursor(query.cursor)[1] if query.cursor else None
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await reading.search(tx, query, by, after=after, limit=query.limit + 1)
    return StaffOrderList(**page_of([(one.id, one) for one in found], query.limit))


@router.post("/cancellations", response_model=CancelResults)
async def cancel_many(request: Request, core: CoreDep, by: Canceller, key: KeyDep, body: CancellationsIn) -> Response:
    """Cancel what has not left of many orders. Each stands for itself."""

    async def work() -> Response:
        items = [await _cancelled(core, by, order_id, body.reason) for order_id in dict.fromkeys(body.order_ids)]
        return json_bytes(model_bytes(CancelResults(items=items)))

    return await once(request, core, by, key, work)


@router.get("/{order_id}")
async def get_order(core: CoreDep, shop: ShopDep, by: Reader, order_id: OrderId) -> StaffOrderOut:
    """One order with its timeline, and what can be done to it."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await reading.for_staff(tx, order_id, by)


@router.post("/{order_id}/cancel", response_model=StaffOrderOut)
async def cancel(
    request: Request, core: CoreDep, by: Canceller, key: KeyDep, order_id: OrderId, body: CancelIn
) -> Response:
    """Cancel units that have not left: those named, or all."""

    async def do(tx: Tx) -> None:
        await cancelling.cancel(tx, order_id, by_staff(by), reason=body.reason, lines=units_of(body.lines))

    return await change_order(request, core, by, key, order_id, do)


@router.post("/{order_id}/edits", status_code=status.HTTP_201_CREATED, response_model=ChangeOut)
async def draft_edit(
    request: Request, core: CoreDep, by: Editor, key: KeyDep, order_id: OrderId, body: EditIn
) -> Response:
    """Think an edit out: what it would make of the order. Confirming it does that, or nothing."""

    async def drafted(quote: Quote | None) -> ChangeOut:
        async with core.database.tx(by.tenant_id) as tx:
            edit_id = await editing.draft(tx, order_id, by_staff(by), body.actions, note=body.note, quote=quote)
            return await editing.read(tx, order_id, edit_id)

    async def work() -> Response:
        edit = await asking(engines.configured(core.settings), drafted)
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
        await editing.confirm(tx, order_id, edit_id, by_staff(by), version=body.version)

    return await change_order(request, core, by, key, order_id, do)


@router.post("/{order_id}/edits/{edit_id}/cancel", response_model=StaffOrderOut)
async def cancel_edit(
    request: Request, core: CoreDep, by: Editor, key: KeyDep, order_id: OrderId, edit_id: Annotated[UUID, Path()]
) -> Response:
    """Give up an edit that is not confirmed, or not paid."""

    async def do(tx: Tx) -> None:
        await editing.drop(tx, order_id, edit_id, by_staff(by))

    return await change_order(request, core, by, key, order_id, do)


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
                tx, order_id, by_staff(by), amount=body.amount, reason=body.reason, to=other(body.to)
            )
        elif isinstance(body, ShippingRefundIn):
            await shipping.refund_shipping(
                tx,
                order_id,
                by_staff(by),
                amount=body.shipping,
                reason=body.reason,
                consignment_id=body.consignment_id,
                to=other(body.to),
            )
        else:
            units = [(line.line_id, line.quantity) for line in body.lines]
            await refunding.refund_units(tx, order_id, by_staff(by), lines=units, reason=body.reason, to=other(body.to))

    return await change_order(request, core, by, key, order_id, do, status.HTTP_201_CREATED)


@router.post("/{order_id}/refunds/retry", response_model=StaffOrderOut)
async def retry_refunds(
    request: Request, core: CoreDep, by: Refunder, key: KeyDep, order_id: OrderId, body: RetryIn | None = None
) -> Response:
    """Try again to give back what a provider would not take, there or as store credit."""

    async def do(tx: Tx) -> None:
        await refunding.retry(tx, order_id, by_staff(by), to=other(body.to) if body else None)

    return await change_order(request, core, by, key, order_id, do)


@router.post("/{order_id}/notes", status_code=status.HTTP_201_CREATED, response_model=StaffOrderOut)
async def note(request: Request, core: CoreDep, by: Writer, key: KeyDep, order_id: OrderId, body: NoteIn) -> Response:
    """Write something down for other staff, or for the shopper to see."""

    async def do(tx: Tx) -> None:
        await notes.write(tx, order_id, by_staff(by), body.note, visible=body.visible)

    return await change_order(request, core, by, key, order_id, do, status.HTTP_201_CREATED)


async def _cancelled(core: Core, by: Staff, order_id: UUID, reason: str) -> CancelResult:
    try:
        async with core.database.tx(by.tenant_id) as tx:
            await cancelling.cancel(tx, order_id, by_staff(by), reason=reason)
    except Problem as problem:
        return CancelResult(order_id=order_id, problem=problem.code)
    await money_of(core).settle(by.tenant_id, order_id)
    return CancelResult(order_id=order_id, problem=None)
