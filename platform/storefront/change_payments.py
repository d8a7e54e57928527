"""Paying for a change to an order."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from commerce.orders import editing, reading
from commerce.orders.change_schemas import PayChangeIn
from commerce.orders.paying_api import additional_of, give_change_up_once, pay_change_once
from commerce.payments.schemas import Waiting
from commerce.payments.service import PaymentWasRefused
from commerce.policies import areas
from foundation.errors import Problem
from foundation.ids import new_id
from pages.forms import read
from storefront import paying
from storefront.forms import CancelForm, PayForm
from storefront.problems import field_errors, refusal, words
from storefront.visit import Visit, VisitDep

OrderId = Annotated[UUID, Path()]
ChangeId = Annotated[UUID, Path()]
PAGE = "/orders/{order_id}/changes/{change_id}/pay"
router = APIRouter(route_class=areas.within(areas.CHECKOUT))


@router.get(PAGE)
async def show(visit: VisitDep, order_id: OrderId, change_id: ChangeId) -> Response:
    """What a change costs more, and how it can be paid."""
    return await _page(visit, order_id, change_id)


@router.post(PAGE)
async def pay(request: Request, visit: VisitDep, order_id: OrderId, change_id: ChangeId) -> Response:
    """Pay for the change and apply it: once for each form shown, however often it is sent."""
    back = request.url_for("come_back_to_change", order_id=order_id, change_id=change_id)
    try:
        form = await read(request, PayForm)
        body = PayChangeIn(**paying.payment(form.token).model_dump(), return_url=str(back))
        answered = await pay_change_once(
            request, visit.core, visit.shopper, form.idempotency_key, order_id, change_id, body
        )
    except Problem as problem:
        return await _page(visit, order_id, change_id, problem)
    if answered.status_code == PaymentWasRefused.status:
        return await _page(visit, order_id, change_id, PaymentWasRefused(reason=_reason(answered)))
    if answered.status_code == 202:
        waits = Waiting.model_validate_json(bytes(answered.body))
        return paying.onward(visit, waits, await _cart(visit, order_id), back=back.path)
    return visit.redirect(f"/orders/{order_id}", "change-paid")


@router.get(f"{PAGE}/return")
async def come_back_to_change(visit: VisitDep, order_id: OrderId, change_id: ChangeId) -> Response:
    """From a page on which the shopper had something to do: to the order, or to another try."""
    try:
        waits = await additional_of(visit.core).go_on(visit.shopper, order_id, change_id)
    except Problem as problem:
        return await _page(visit, order_id, change_id, problem)
    if waits is None:
        return visit.redirect(f"/orders/{order_id}", "change-paid")
    here = f"/orders/{order_id}/changes/{change_id}/pay"
    return visit.page(
        "waiting.html",
        url=paying.page_of(waits, await _cart(visit, order_id), back=f"{here}/return"),
        again=f"{here}/return",
        give_up=f"{here}/give-up",
        fields={"idempotency_key": str(new_id())},
        words=("What you want is kept for you meanwhile.", "the order is changed", "Leave the order as it was"),
    )


@router.post(f"{PAGE}/give-up")
async def give_up(request: Request, visit: VisitDep, order_id: OrderId, change_id: ChangeId) -> Response:
    """Leave the order as it was."""
    try:
        form = await read(request, CancelForm)
        await give_change_up_once(request, visit.core, visit.shopper, form.idempotency_key, order_id, change_id)
    except Problem as problem:
        return await _page(visit, order_id, change_id, problem)
    return visit.redirect(f"/orders/{order_id}", "change-dropped")


def _reason(refused: Response) -> str:
    return str(orjson.loads(refused.body).get("reason"))


async def _cart(visit: Visit, order_id: UUID) -> UUID:
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        cart_id, _ = await reading.cart_of(tx, order_id)
    return cart_id


async def _page(visit: Visit, order_id: UUID, change_id: UUID, problem: Problem | None = None) -> Response:
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        order = await reading.get(tx, visit.shopper, order_id)
        change = await editing.read(tx, order_id, change_id)
    if change.status != "awaiting_payment":
        return visit.redirect(f"/orders/{order_id}")
    said = ("", "")
    if problem is not None:
        said = refusal(problem.reason) if isinstance(problem, PaymentWasRefused) else words(problem)
    return visit.page(
        "change_pay.html",
        status=problem.status if problem else 200,
        order=order,
        change=change,
        choices=await paying.choices(visit),
        key=str(new_id()),
        problem=problem,
        said=said,
        faults=field_errors(problem) if problem else [],
    )
