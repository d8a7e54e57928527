"""Changes that a shopper asks for before an order leaves: thought out, shown, and done as shown or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from commerce.orders import api, editing, reading
from commerce.orders.change_schemas import ChangeOut, SetAddress, SetQuantity, ShopperEditAction
from commerce.orders.schemas import OrderOut
from commerce.policies import areas
from foundation.errors import Problem
from foundation.ids import new_id
from pages.forms import read
from storefront.forms import AddressForm, CancelForm, ConfirmForm, read_units
from storefront.orders import OrderId, order_page
from storefront.visit import Visit, VisitDep

EditId = Annotated[UUID, Path()]
router = APIRouter(route_class=areas.within(areas.ORDERS))


@router.post("/orders/{order_id}/address")
async def move(request: Request, visit: VisitDep, order_id: OrderId) -> Response:
    """What it would mean to send an order, or one of its consignments, to another address."""
    try:
        form = await read(request, AddressForm)
        action = SetAddress(
            action="set_address",
            address=form.address(),
            delivery=form.delivery,
            consignment_id=form.consignment_id,
        )
        return await _drafted(request, visit, order_id, form.idempotency_key, [action])
    except Problem as problem:
        return await order_page(visit, order_id, problem)


@router.post("/orders/{order_id}/units")
async def set_units(request: Request, visit: VisitDep, order_id: OrderId) -> Response:
    """What it would mean to take units out of an order."""
    try:
        form = await read_units(request)
        actions = [
            SetQuantity(action="set_quantity", line_id=line_id, quantity=units) for line_id, units in form.units.items()
        ]
        return await _drafted(request, visit, order_id, form.idempotency_key, actions)
    except Problem as problem:
        return await order_page(visit, order_id, problem)


@router.get("/orders/{order_id}/edits/{edit_id}")
async def show(visit: VisitDep, order_id: OrderId, edit_id: EditId) -> Response:
    """What a change would make of an order, to be confirmed or given up."""
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        order = await reading.get(tx, visit.shopper, order_id)
        edit = await editing.read(tx, order_id, edit_id)
    if edit.status != "draft":
        return visit.redirect(f"/orders/{order_id}")
    return _preview(visit, order, edit)


@router.post("/orders/{order_id}/edits/{edit_id}/confirm")
async def confirm(request: Request, visit: VisitDep, order_id: OrderId, edit_id: EditId) -> Response:
    """Do what was shown: once for each form shown. What makes the order dearer waits to be paid."""
    try:
        form = await read(request, ConfirmForm)
        done = await api.confirm_edit_once(
            request, visit.core, visit.shopper, form.idempotency_key, order_id, edit_id, form.version
        )
    except Problem as problem:
        return await order_page(visit, order_id, problem)
    order = OrderOut.model_validate_json(bytes(done.body))
    waits = any(change.id == edit_id and change.status == "awaiting_payment" for change in order.changes)
    return visit.redirect(f"/orders/{order_id}", "change-to-pay" if waits else "order-changed")


@router.post("/orders/{order_id}/edits/{edit_id}/cancel")
async def give_up(request: Request, visit: VisitDep, order_id: OrderId, edit_id: EditId) -> Response:
    """Leave the order as it is: once for each form shown."""
    try:
        form = await read(request, CancelForm)
        await api.drop_edit_once(request, visit.core, visit.shopper, form.idempotency_key, order_id, edit_id)
    except Problem as problem:
        return await order_page(visit, order_id, problem)
    return visit.redirect(f"/orders/{order_id}")


async def _drafted(
    request: Request, visit: Visit, order_id: UUID, key: str, actions: Sequence[ShopperEditAction]
) -> Response:
    drafted = await api.draft_edit_once(request, visit.core, visit.shopper, key, order_id, actions)
    edit = ChangeOut.model_validate_json(bytes(drafted.body))
    return visit.redirect(f"/orders/{order_id}/edits/{edit.id}")


def _preview(visit: Visit, order: OrderOut, edit: ChangeOut) -> Response:
    before = {line.id: line.quantity - line.cancelled for line in order.lines}
    return visit.page("order_change.html", order=order, edit=edit, before=before, key=str(new_id()))
