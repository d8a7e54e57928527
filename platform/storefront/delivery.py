"""The step before paying: how and where to."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from commerce.cart import service as carts
from commerce.cart.schemas import CartOut
from commerce.delivery import service as delivery
from foundation.errors import Problem
from storefront.cart import blocked, open_cart
from storefront.forms import DeliveryForm, read
from storefront.problems import field_errors, words
from storefront.visit import Visit, VisitDep

COUNTRIES = {
    "AT": "Austria",
    "AU": "Australia",
    "BE": "Belgium",
    "CA": "Canada",
    "CH": "Switzerland",
    "DE": "Germany",
    "DK": "Denmark",
    "ES": "Spain",
    "FR": "France",
    "GB": "United Kingdom",
    "IE": "Ireland",
    "IN": "India",
    "IT": "Italy",
    "JP": "Japan",
    "KW": "Kuwait",
    "NL": "Netherlands",
    "PL": "Poland",
    "PT": "Portugal",
    "SE": "Sweden",
    "US": "United States",
}
"""How some codes read; another is shown as it is."""
router = APIRouter()


@router.get("/checkout/delivery")
async def show(visit: VisitDep) -> Response:
    """Ask how and where to."""
    cart = await open_cart(visit)
    if cart is None or blocked(cart):
        return visit.redirect("/cart", "cart-first" if cart else None)
    if not cart.delivers:
        return visit.redirect("/checkout")
    return await _page(visit, cart)


@router.post("/checkout/delivery")
async def choose(request: Request, visit: VisitDep) -> Response:
    """Keep the answer with the cart, and go on to pay."""
    cart = await open_cart(visit)
    if cart is None:
        return visit.redirect("/cart")
    try:
        form = await read(request, DeliveryForm)
        address = form.address()
        async with visit.core.database.tx(visit.shop.id) as tx:
            if address is not None:
                await carts.set_address(tx, visit.shopper, cart.id, address)
            await carts.set_delivery(tx, visit.shopper, cart.id, form.code)
    except Problem as problem:
        return await _page(visit, cart, problem)
    return visit.redirect("/checkout")


async def _page(visit: Visit, cart: CartOut, problem: Problem | None = None) -> Response:
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        methods = [method for method in await delivery.methods(tx) if method.active]
        options = await carts.delivery_options(tx, visit.shopper, cart.id)
    sent = [method for method in methods if method.kind == "ship"]
    countries = sorted({code for method in sent for code in method.countries})
    return visit.page(
        "delivery.html",
        status=problem.status if problem else 200,
        cart=cart,
        methods=methods,
        offers={option.code: option for option in options.items},
        countries=countries if all(method.countries for method in sent) else [],
        names=COUNTRIES,
        problem=problem,
        said=words(problem) if problem else ("", ""),
        faults=field_errors(problem) if problem else [],
    )
