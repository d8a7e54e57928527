"""What a cart keeps beside its lines: codes, gifts, notes, what is saved for later, what is shared, what changed."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from commerce.cart import accepting, codes, gifts, saved, sharing
from commerce.cart import service as carts
from commerce.cart.schemas import GiftIn
from commerce.http import address_of
from commerce.policies import areas
from commerce.promotions import guessing
from foundation.errors import Problem
from foundation.types import Text
from pages.forms import Button, read
from storefront.cart import cart_page, current_id
from storefront.forms import AcceptForm, CodeForm, GiftForm, NoteForm
from storefront.visit import Visit, VisitDep

router = APIRouter(route_class=areas.within(areas.CART))
Token = Annotated[Text, Path()]


@router.post("/cart/codes")
async def give_code(request: Request, visit: VisitDep) -> Response:
    """Give a discount code."""
    try:
        form = await read(request, CodeForm)
        counted = guessing.counted(visit.core.database, visit.shopper, address_of(request))
        async with counted, visit.core.database.tx(visit.shop.id) as tx:
            await codes.give(tx, visit.shopper, await current_id(tx, visit), form.code)
    except Problem as problem:
        return await cart_page(visit, problem)
    return visit.redirect("/cart", "code-taken")


@router.post("/cart/codes/remove")
async def take_code_out(request: Request, visit: VisitDep) -> Response:
    """Take a discount code out."""
    form = await read(request, CodeForm)
    async with visit.core.database.tx(visit.shop.id) as tx:
        await codes.take_out(tx, visit.shopper, await current_id(tx, visit), form.code)
    return visit.redirect("/cart", "changed")


@router.post("/cart/gift")
async def give(request: Request, visit: VisitDep) -> Response:
    """Have it wrapped, or sent with a message."""
    try:
        form = await read(request, GiftForm)
        gift = GiftIn(wrap=form.wrap == "yes", message=form.message)
        async with visit.core.database.tx(visit.shop.id) as tx:
            await gifts.give(tx, visit.shopper, await current_id(tx, visit), gift)
    except Problem as problem:
        return await cart_page(visit, problem)
    return visit.redirect("/cart", "changed")


@router.post("/cart/lines/{line_id}/gift")
async def give_line(request: Request, visit: VisitDep, line_id: Annotated[UUID, Path()]) -> Response:
    """Have a line by itself wrapped, or sent with a message of its own."""
    try:
        form = await read(request, GiftForm)
        gift = GiftIn(wrap=form.wrap == "yes", message=form.message)
        async with visit.core.database.tx(visit.shop.id) as tx:
            await gifts.give(tx, visit.shopper, await current_id(tx, visit), gift, line_id)
    except Problem as problem:
        return await cart_page(visit, problem)
    return visit.redirect("/cart", "changed")


@router.post("/cart/note")
async def note(request: Request, visit: VisitDep) -> Response:
    """Tell the shop something."""
    try:
        form = await read(request, NoteForm)
        async with visit.core.database.tx(visit.shop.id) as tx:
            await carts.set_note(tx, visit.shopper, await current_id(tx, visit), form.note)
    except Problem as problem:
        return await cart_page(visit, problem)
    return visit.redirect("/cart", "changed")


@router.post("/cart/accept")
async def accept(request: Request, visit: VisitDep) -> Response:
    """Accept all that changed, as it was shown."""
    form = await read(request, AcceptForm)
    try:
        async with visit.core.database.tx(visit.shop.id) as tx:
            cart_id = await current_id(tx, visit)
            await accepting.accept(tx, visit.shopper, cart_id, version=form.version, seen=form.changes_seen)
    except accepting.CartMovedOn as problem:
        return await cart_page(visit, problem)
    return visit.redirect("/cart", "accepted")


@router.post("/cart/lines/{line_id}/save")
async def keep(request: Request, visit: VisitDep, line_id: Annotated[UUID, Path()]) -> Response:
    """Move a line out of the cart, to be kept for later."""
    await read(request, Button)
    async with visit.core.database.tx(visit.shop.id) as tx:
        await saved.keep(tx, visit.shopper, await current_id(tx, visit), line_id)
    return visit.redirect("/cart", "kept")


@router.post("/cart/saved/{item_id}")
async def take_back(request: Request, visit: VisitDep, item_id: Annotated[UUID, Path()]) -> Response:
    """Move something kept into the cart."""
    await read(request, Button)
    async with visit.core.database.tx(visit.shop.id) as tx:
        cart_id = await carts.opened(tx, visit.shop, visit.shopper)
        await saved.take_back(tx, visit.shopper, cart_id, item_id)
    return visit.redirect("/cart", "added")


@router.post("/cart/saved/{item_id}/remove")
async def forget(request: Request, visit: VisitDep, item_id: Annotated[UUID, Path()]) -> Response:
    """Keep something no longer."""
    await read(request, Button)
    async with visit.core.database.tx(visit.shop.id) as tx:
        await saved.forget(tx, visit.shopper, item_id)
    return visit.redirect("/cart", "changed")


@router.post("/cart/share")
async def share(request: Request, visit: VisitDep) -> Response:
    """Copy the cart behind a link, and go there: its address is the link."""
    await read(request, Button)
    async with visit.core.database.tx(visit.shop.id) as tx:
        link = await sharing.share(tx, visit.shopper, await current_id(tx, visit))
    return visit.redirect(f"/shared/{link.token}", "shared")


@router.get("/shared/{token}")
async def look(visit: VisitDep, token: Token) -> Response:
    """What somebody shared, at today's prices."""
    return await _shared_page(visit, token)


@router.post("/shared/{token}")
async def take(request: Request, visit: VisitDep, token: Token) -> Response:
    """Take what somebody shared into one's own cart."""
    await read(request, Button)
    async with visit.core.database.tx(visit.shop.id) as tx:
        cart_id = await carts.opened(tx, visit.shop, visit.shopper)
        short = await sharing.take(tx, visit.shopper, cart_id, token)
    return visit.redirect("/cart", "taken-in-part" if short else "taken")


async def _shared_page(visit: Visit, token: str) -> Response:
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        shared = await sharing.look(tx, visit.shopper, token, currency=visit.shop.currency)
    total = sum(line.price.amount * line.quantity for line in shared.lines if line.price)
    page = visit.page("shared.html", shared=shared, token=token, total=total)
    page.headers["referrer-policy"] = "same-origin"
    return page
