"""The cart: lines in and out, and what to settle before paying."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from commerce.cart import saved
from commerce.cart import service as carts
from commerce.cart.schemas import CartOut, SavedItems
from commerce.policies import areas
from foundation.database import Tx
from foundation.errors import Problem
from foundation.http import InvalidFields
from pages.forms import Button, read
from storefront.forms import AddForm, QuantityForm
from storefront.problems import words
from storefront.rails import rail
from storefront.visit import Visit, VisitDep

LineId = Annotated[UUID, Path()]
router = APIRouter(route_class=areas.within(areas.CART))


@router.get("/cart")
async def show(visit: VisitDep) -> Response:
    """The cart, priced and checked now."""
    return await cart_page(visit)


@router.post("/cart/lines")
async def add(request: Request, visit: VisitDep) -> Response:
    """Put something in."""
    form = await read(request, AddForm)
    async with visit.core.database.tx(visit.shop.id) as tx:
        await carts.add(
            tx,
            visit.shopper,
            await carts.opened(tx, visit.shop, visit.shopper),
            variant_id=form.variant_id,
            quantity=form.quantity,
            decision_id=form.decision_id,
        )
    return visit.redirect(form.next, "added")


@router.post("/cart/lines/{line_id}")
async def change(request: Request, visit: VisitDep, line_id: LineId) -> Response:
    """Change how many."""
    try:
        form = await read(request, QuantityForm)
    except InvalidFields as fault:
        return await cart_page(visit, fault)
    await _set(visit, line_id, form.quantity)
    return visit.redirect("/cart", "changed")


@router.post("/cart/lines/{line_id}/remove")
async def remove(request: Request, visit: VisitDep, line_id: LineId) -> Response:
    """Take a line out."""
    await read(request, Button)
    await _set(visit, line_id, 0)
    return visit.redirect("/cart", "removed")


async def cart_page(visit: Visit, problem: Problem | None = None) -> Response:
    """The cart's page, saying what went wrong just now if something did."""
    cart = await open_cart(visit)
    title, text = words(problem) if problem else ("", "")
    if isinstance(problem, InvalidFields) and problem.errors[0]["param"] == "quantity":
        title, text = "That quantity doesn't work", "A line holds from 1 to 9,999. To take it out, use Remove."
    return visit.page(
        "cart.html",
        status=problem.status if problem else 200,
        cart=cart,
        requirements=_by_line(cart),
        is_blocked=cart is not None and blocked(cart),
        saved=await _saved(visit),
        problem=problem,
        title=title,
        text=text,
        rail=await rail(visit, "cart"),
    )


async def open_cart(visit: Visit) -> CartOut | None:
    """The shopper's open cart, checked now; `None` when there is nothing in it."""
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        cart = await carts.current(tx, visit.shopper)
    return carts.check(cart).out() if cart is not None and cart.lines else None


def blocked(cart: CartOut) -> bool:
    """Whether something in the cart itself must be settled before it can go to the checkout."""
    return any(not requirement.code.startswith("checkout.") for requirement in cart.requirements)


async def _set(visit: Visit, line_id: UUID, quantity: int) -> None:
    async with visit.core.database.tx(visit.shop.id) as tx:
        await carts.change(tx, visit.shopper, await current_id(tx, visit), line_id, quantity)


async def _saved(visit: Visit) -> SavedItems:
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        return await saved.items(tx, visit.shop, visit.shopper)


async def current_id(tx: Tx, visit: Visit) -> UUID:
    """The id of the shopper's open cart.

    Raises:
        CartNotFound: they have none.
    """
    cart = await carts.current(tx, visit.shopper)
    if cart is None:
        raise carts.CartNotFound
    return cart.id


def _by_line(cart: CartOut | None) -> dict[UUID, list[object]]:
    found: dict[UUID, list[object]] = {}
    for requirement in cart.requirements if cart else ():
        if requirement.line_id is not None:
            found.setdefault(requirement.line_id, []).append(requirement)
    return found
