"""What a shopper sends back, from the order's page: for its money, or for something else whose price is shown first."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from commerce.orders import documents_api, reading, returns_api
from commerce.orders.photos import RETURNS
from commerce.orders.photos_api import shown
from commerce.orders.returning import Announced
from commerce.policies import areas
from foundation.errors import Problem
from foundation.ids import new_id
from pages.forms import read
from storefront import order_photos
from storefront.forms import ReturnForm
from storefront.orders import OrderId, order_page
from storefront.reasons import WORDS
from storefront.visit import Visit, VisitDep

ReturnId = Annotated[UUID, Path()]
router = APIRouter(route_class=areas.within(areas.ORDERS))


@router.post("/orders/{order_id}/returns")
async def ask(request: Request, visit: VisitDep, order_id: OrderId) -> Response:
    """Ask to send units of a line back: once for each form shown. What is wanted for them is priced before that."""
    try:
        form = await read(request, ReturnForm)
        if form.instead is not None and form.expected_difference is None:
            return await _priced(visit, order_id, form, form.instead)
        await returns_api.request_return_once(
            request,
            visit.core,
            visit.shopper,
            form.idempotency_key,
            order_id,
            [Announced(form.line_id, form.quantity, form.reason)],
            wanted={form.instead: form.quantity} if form.instead else {},
            expected=form.expected_difference,
        )
    except Problem as problem:
        return await order_page(visit, order_id, problem)
    return visit.redirect(f"/orders/{order_id}", "return-asked")


@router.post("/orders/{order_id}/returns/{return_id}/photos")
async def add_photo(request: Request, visit: VisitDep, order_id: OrderId, return_id: ReturnId) -> Response:
    """Add a photo to a return: once for each form shown."""
    return await order_photos.add(request, visit, RETURNS, order_id, return_id)


@router.get("/orders/{order_id}/returns/{return_id}/photos/{photo_id}")
async def photo(visit: VisitDep, order_id: OrderId, return_id: ReturnId, photo_id: Annotated[UUID, Path()]) -> Response:
    """A photo of a return of one's own."""
    return await shown(visit.core, visit.shopper, RETURNS, (order_id, return_id, photo_id))


@router.get("/orders/{order_id}/returns/{return_id}/label.pdf")
async def label(visit: VisitDep, order_id: OrderId, return_id: ReturnId) -> Response:
    """The label with which an approved return is sent."""
    return await documents_api.own_return_label(visit.core, visit.shop, visit.shopper, order_id, return_id)


async def _priced(visit: Visit, order_id: UUID, form: ReturnForm, variant_id: UUID) -> Response:
    """What the exchange comes to, to be confirmed or left."""
    announced = [Announced(form.line_id, form.quantity, form.reason)]
    made = await returns_api.preview_exchange(
        visit.core, visit.shopper, order_id, announced, {variant_id: form.quantity}
    )
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        order = await reading.get(tx, visit.shopper, order_id)
    return visit.page(
        "exchange.html",
        order=order,
        form=form,
        back=next(line for line in order.lines if line.id == form.line_id),
        wanted=made.lines[-1],
        difference=made.difference,
        reason=WORDS[form.reason],
        key=str(new_id()),
    )
