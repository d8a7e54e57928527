"""Paying."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from commerce.cart.quoting import quote
from commerce.cart.schemas import CartOut
from commerce.checkout.api import answer, checkout_of
from commerce.checkout.schemas import Complete
from commerce.http import once
from commerce.taxes import engines
from foundation.errors import Problem
from foundation.ids import new_id
from storefront import balances
from storefront.balances import Bill
from storefront.cart import blocked, cart_page, open_cart
from storefront.forms import CheckoutForm, read
from storefront.problems import field_errors, refusal, words
from storefront.visit import Visit, VisitDep

PAYMENTS = (
    ("tok_ok", "Test card that works", "4242 4242 4242 4242"),
    ("tok_declined", "Test card the bank declines", "4000 0000 0000 0002"),
    ("tok_insufficient_funds", "Test card without enough money", "4000 0000 0000 9995"),
)
router = APIRouter()


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
        form = await read(request, CheckoutForm)
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
        return visit.redirect(told["payments"][0]["action_url"])
    cart = await open_cart(visit)
    if cart is None:
        return visit.redirect("/cart")
    return await _checkout_page(
        visit, cart, bill=bill, status=answered.status_code, said=refusal(str(told.get("reason"))), email=form.email
    )


async def _complete(request: Request, visit: Visit, form: CheckoutForm, bill: Bill | None) -> Response:
    body = Complete(payments=(bill or Bill(0)).payments(form), email=form.email, expected_total=form.expected_total)

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
    return visit.page(
        "checkout.html",
        status=status,
        cart=cart,
        bill=bill or Bill(cart.totals.total),
        credit=await balances.credit_of(visit, cart.currency),
        payments=PAYMENTS,
        key=str(new_id()),
        said=said,
        code=code,
        faults=faults or [],
        email=email or "",
    )
