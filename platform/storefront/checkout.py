"""Paying."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from commerce.cart.quoting import quote
from commerce.cart.schemas import CartOut
from commerce.checkout.api import answer, checkout_of
from commerce.checkout.refusals import NothingToContinue
from commerce.checkout.schemas import Complete
from commerce.http import once
from commerce.legal import service as legal
from commerce.orders.schemas import OrderOut
from commerce.payments.schemas import Waiting
from commerce.payments.service import PaymentWasRefused
from commerce.policies import areas
from commerce.taxes import engines
from foundation.errors import Problem
from foundation.ids import new_id
from pages.forms import read
from storefront import balances, paying
from storefront.balances import Bill
from storefront.cart import blocked, cart_page, open_cart
from storefront.forms import CheckoutForm, GiveUpForm
from storefront.problems import field_errors, refusal, words
from storefront.visit import Visit, VisitDep

router = APIRouter(route_class=areas.within(areas.CHECKOUT))


@router.get("/checkout")
async def show(visit: VisitDep) -> Response:
    """The last look before paying."""
    cart = await open_cart(visit)
    if cart is None or blocked(cart):
        return visit.redirect("/cart", "cart-first" if cart else None)
    if cart.requirements:
        return visit.redirect("/checkout/delivery")
    tax_engines = engines.configured(visit.core.settings)
    if tax_engines:
        await quote(visit.core.database, tax_engines, visit.shop.id, visit.shopper, cart.id)
        cart = await open_cart(visit) or cart
    return await _checkout_page(visit, cart)


@router.post("/checkout")
async def pay(request: Request, visit: VisitDep) -> Response:
    """Pay and place the order: once for each form shown, however often it is sent."""
    form = None
    try:
        form = await read(request, CheckoutForm, lists=("accepted",))
        cart = await open_cart(visit)
        bill = await balances.bill_of(visit, cart, form) if cart else None
        if cart and bill and (form.apply or not bill.is_as_shown(form)):
            return await _checkout_page(visit, cart, bill=bill, email=form.email)
        answered = await _complete(request, visit, form, bill)
    except Problem as problem:
        return await _back(visit, problem, form)
    told = orjson.loads(answered.body)
    if answered.status_code == 201:
        return visit.redirect(f"/orders/{told['id']}", "ordered")
    if answered.status_code == 202:
        waits = Waiting.model_validate_json(bytes(answered.body))
        return paying.onward(visit, waits, form.cart_id, back=f"/checkout/return?cart_id={form.cart_id}")
    cart = await open_cart(visit)
    if cart is None:
        return visit.redirect("/cart")
    return await _checkout_page(
        visit, cart, bill=bill, status=answered.status_code, said=refusal(str(told.get("reason"))), email=form.email
    )


@router.get("/checkout/return")
async def come_back(visit: VisitDep, cart_id: Annotated[UUID, Query()]) -> Response:
    """From a page on which the shopper had something to do: to the order, back to that page, or to another try."""
    try:
        told = await checkout_of(visit.core).go_on(visit.shop, visit.shopper, cart_id)
    except PaymentWasRefused as refused:
        cart = await open_cart(visit)
        if cart is None:
            return visit.redirect("/cart")
        return await _checkout_page(visit, cart, status=refused.status, said=refusal(refused.reason))
    except Problem as problem:
        return await _back(visit, problem, None)
    if isinstance(told, OrderOut):
        return visit.redirect(f"/orders/{told.id}", "ordered")
    back = f"/checkout/return?cart_id={cart_id}"
    return visit.page(
        "waiting.html",
        url=paying.page_of(told, cart_id, back=back),
        again=back,
        give_up="/checkout/give-up",
        fields={"cart_id": str(cart_id)},
        words=("Your goods are kept for you meanwhile.", "the order is placed", "Pay another way"),
    )


@router.post("/checkout/give-up")
async def give_up(request: Request, visit: VisitDep) -> Response:
    """Pay otherwise instead of doing what the bank asks."""
    form = await read(request, GiveUpForm)
    try:
        await checkout_of(visit.core).give_up(visit.shop, visit.shopper, form.cart_id)
    except NothingToContinue:
        return visit.redirect("/cart")
    return visit.redirect("/checkout")


async def _complete(request: Request, visit: Visit, form: CheckoutForm, bill: Bill | None) -> Response:
    body = Complete(
        payments=(bill or Bill(0)).payments(form),
        email=form.email,
        expected_total=form.expected_total,
        accepted=form.accepted,
        return_url=str(request.url_for("come_back").include_query_params(cart_id=form.cart_id)),
    )

    async def work() -> Response:
        return answer(await checkout_of(visit.core).complete(visit.shop, visit.shopper, form.cart_id, body))

    return await once(request, visit.core, visit.shopper, form.idempotency_key, work)


async def _back(visit: Visit, problem: Problem, form: CheckoutForm | None) -> Response:
    """To where the shopper can put it right: the cart when something in it changed, else the checkout."""
    cart = await open_cart(visit)
    if cart is None:
        raise problem
    if blocked(cart):
        return await cart_page(visit, problem)
    if cart.requirements:
        return visit.redirect("/checkout/delivery")
    said = words(problem)
    return await _checkout_page(
        visit,
        cart,
        status=problem.status,
        said=said,
        code=problem.code,
        faults=field_errors(problem),
        email=form.email if form else None,
    )


async def _checkout_page(
    visit: Visit,
    cart: CartOut,
    *,
    bill: Bill | None = None,
    status: int = 200,
    said: tuple[str, str] | None = None,
    code: str = "payments.refused",
    faults: list[str] | None = None,
    email: str | None = None,
) -> Response:
    choices = await paying.choices(visit)
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        accepted = await legal.at_checkout(tx, visit.shop)
    return visit.page(
        "checkout.html",
        status=status,
        cart=cart,
        bill=bill or Bill(cart.totals.total),
        credit=await balances.credit_of(visit, cart.currency),
        choices=choices,
        tested=paying.is_tested(choices),
        key=str(new_id()),
        said=said,
        code=code,
        faults=faults or [],
        email=email or "",
        accepted=accepted,
    )
