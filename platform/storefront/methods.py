"""What a customer has kept to pay with."""

from __future__ import annotations

from typing import Annotated, NamedTuple
from uuid import UUID

import orjson
from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from commerce.payments.methods import api, service
from commerce.payments.methods.schemas import MethodIn, SetupWaiting
from commerce.payments.methods.service import MethodWasRefused
from commerce.payments.providers import configured
from commerce.policies import areas
from foundation.errors import Problem
from foundation.ids import new_id
from pages.forms import Button, read
from storefront import paying
from storefront.forms import KeepForm
from storefront.problems import field_errors, refusal, words
from storefront.visit import Visit, VisitDep

PAGE = "/account/payment-methods"
MethodId = Annotated[UUID, Path()]
router = APIRouter(route_class=areas.within(areas.PAYMENT_METHODS))


class Keepable(NamedTuple):
    """A test card that can be kept, by its token: of no card the number is."""

    token: str
    name: str
    detail: str


TEST_CARDS = (
    Keepable("tok_visa", "Test Visa", "Ends in 4242, works"),
    Keepable("tok_mastercard", "Test Mastercard", "Ends in 4444, works"),
    Keepable("tok_threeDSecure2Required", "Test card whose bank asks you first", "Ends in 3220"),
    Keepable("tok_visa_chargeDeclined", "Test card the bank declines", "Ends in 0002"),
)


@router.get(PAGE)
async def show(visit: VisitDep) -> Response:
    """What the signed-in customer has kept, and how to keep more."""
    return await _page(visit)


@router.post(PAGE)
async def keep(request: Request, visit: VisitDep) -> Response:
    """Keep a card: once for each form shown, however often it is sent."""
    try:
        form = await read(request, KeepForm)
        body = MethodIn(
            provider="test",
            token=form.token,
            is_default=form.is_default is not None,
            return_url=str(request.url_for("come_back_to_keep")),
        )
        answered = await api.save_once(request, visit.core, visit.shopper, form.idempotency_key, body)
    except Problem as problem:
        return await _page(visit, problem)
    if answered.status_code == MethodWasRefused.status:
        return await _page(visit, MethodWasRefused(reason=str(orjson.loads(answered.body).get("reason"))))
    if answered.status_code == 202:
        return paying.to(visit, SetupWaiting.model_validate_json(bytes(answered.body)).action_url)
    return visit.redirect(PAGE, "method-kept")


@router.get(f"{PAGE}/return")
async def come_back_to_keep(visit: VisitDep) -> Response:
    """From the page on which the customer's bank asked: to what they have kept, or to another try."""
    try:
        customer_id = api.customer_of(visit.shopper)
        async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
            setup_id = await service.latest_setup(tx, customer_id)
        told = await api.go_on_with(visit.core, visit.shopper, setup_id)
    except Problem as problem:
        return await _page(visit, problem)
    if isinstance(told, SetupWaiting):
        return visit.page(
            "waiting.html",
            url=told.action_url,
            again=f"{PAGE}/return",
            give_up=None,
            words=("Nothing is charged.", "your card is kept when you look again,"),
        )
    return visit.redirect(PAGE, "method-kept")


@router.post(f"{PAGE}/{{method_id}}/default")
async def prefer(request: Request, visit: VisitDep, method_id: MethodId) -> Response:
    """Offer this one first."""
    try:
        await read(request, Button)
        async with visit.core.database.tx(visit.shop.id) as tx:
            await service.prefer(tx, api.customer_of(visit.shopper), method_id)
    except Problem as problem:
        return await _page(visit, problem)
    return visit.redirect(PAGE, "method-preferred")


@router.post(f"{PAGE}/{{method_id}}/remove")
async def remove(request: Request, visit: VisitDep, method_id: MethodId) -> Response:
    """Keep this one no longer."""
    try:
        await read(request, Button)
        await api.forget(visit.core, visit.shopper, method_id)
    except Problem as problem:
        return await _page(visit, problem)
    return visit.redirect(PAGE, "method-removed")


async def _page(visit: Visit, problem: Problem | None = None) -> Response:
    customer_id = visit.shopper.customer_id
    if customer_id is None:
        return visit.redirect("/account")
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        kept = await service.kept(tx, customer_id)
    offered = await configured(visit.core.database, visit.core.settings).offered_by(visit.shop.id)
    said = ("", "")
    if problem is not None:
        said = refusal(problem.reason) if isinstance(problem, MethodWasRefused) else words(problem)
    return visit.page(
        "payment_methods.html",
        status=problem.status if problem else 200,
        methods=kept,
        cards=TEST_CARDS if "test" in {one.name for one in offered} else (),
        key=str(new_id()),
        problem=problem,
        said=said,
        faults=field_errors(problem) if problem else [],
    )
