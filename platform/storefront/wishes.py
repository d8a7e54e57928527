"""Wishlists: one's own, and those that others share."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from commerce.policies import areas
from commerce.price_watches import watching
from commerce.sessions.answering import asking_of
from commerce.stock_alerts import service as stock_alerts
from commerce.wishlists import service
from foundation.database import Tx
from foundation.types import Text
from pages.forms import Button, read
from storefront.profile_forms import MoveForm, NameForm, WishForm
from storefront.visit import Visit, VisitDep

PAGE = "/wishlists"
FIRST = "Wishlist"
WishlistId = Annotated[UUID, Path()]
VariantId = Annotated[UUID, Path()]
router = APIRouter(route_class=areas.within(areas.WISHES))


@router.get(PAGE)
async def lists(visit: VisitDep) -> Response:
    """The shopper's lists, and what they wait for."""
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        lists = (await service.lists(tx, visit.shopper)).items
        customer_id = visit.shopper.customer_id
        waits = (await stock_alerts.waiting(tx, customer_id)).items if customer_id else []
    return visit.page("wishlists.html", lists=lists, waits=waits)


@router.post(PAGE)
async def create(request: Request, visit: VisitDep) -> Response:
    """Begin a list."""
    form = await read(request, NameForm)
    async with visit.core.database.tx(visit.shop.id) as tx:
        created = await service.create(tx, visit.shopper, form.name)
    return visit.redirect(f"{PAGE}/{created}")


@router.post("/wish")
async def wish(request: Request, visit: VisitDep) -> Response:
    """Put something on the shopper's first list, which is made if there is none."""
    form = await read(request, WishForm)
    async with visit.core.database.tx(visit.shop.id) as tx:
        wishlist_id = await _first(tx, visit)
        await service.wish(tx, visit.shop, visit.shopper, wishlist_id, form.variant_id, form.quantity)
    return visit.redirect(form.next, "wished")


@router.get(f"{PAGE}/{{wishlist_id}}")
async def show(visit: VisitDep, wishlist_id: WishlistId) -> Response:
    """A list and what is on it."""
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        wishlist = await service.get(tx, visit.shop, visit.shopper, wishlist_id)
        others = [one for one in (await service.lists(tx, visit.shopper)).items if one.id != wishlist_id]
    link = f"{visit.request.base_url}wished/{wishlist.share_token}" if wishlist.share_token else None
    return visit.page("wishlist.html", wishlist=wishlist, others=others, link=link)


@router.post(f"{PAGE}/{{wishlist_id}}")
async def rename(request: Request, visit: VisitDep, wishlist_id: WishlistId) -> Response:
    """Call a list something else."""
    form = await read(request, NameForm)
    async with visit.core.database.tx(visit.shop.id) as tx:
        await service.rename(tx, visit.shopper, wishlist_id, form.name)
    return visit.redirect(f"{PAGE}/{wishlist_id}")


@router.post(f"{PAGE}/{{wishlist_id}}/remove")
async def delete(request: Request, visit: VisitDep, wishlist_id: WishlistId) -> Response:
    """Keep a list no longer."""
    await read(request, Button)
    async with visit.core.database.tx(visit.shop.id) as tx:
        await service.delete(tx, visit.shopper, wishlist_id)
    return visit.redirect(PAGE, "wishlist-removed")


@router.post(f"{PAGE}/{{wishlist_id}}/share")
async def share(request: Request, visit: VisitDep, wishlist_id: WishlistId) -> Response:
    """Give a list a link of its own."""
    await read(request, Button)
    async with visit.core.database.tx(visit.shop.id) as tx:
        await service.share(tx, visit.shopper, wishlist_id)
    return visit.redirect(f"{PAGE}/{wishlist_id}")


@router.post(f"{PAGE}/{{wishlist_id}}/unshare")
async def unshare(request: Request, visit: VisitDep, wishlist_id: WishlistId) -> Response:
    """Show a list to nobody else any more."""
    await read(request, Button)
    async with visit.core.database.tx(visit.shop.id) as tx:
        await service.unshare(tx, visit.shopper, wishlist_id)
    return visit.redirect(f"{PAGE}/{wishlist_id}")


@router.post(f"{PAGE}/{{wishlist_id}}/items/{{variant_id}}/remove")
async def unwish(request: Request, visit: VisitDep, wishlist_id: WishlistId, variant_id: VariantId) -> Response:
    """Take something off a list."""
    await read(request, Button)
    async with visit.core.database.tx(visit.shop.id) as tx:
        await service.unwish(tx, visit.shopper, wishlist_id, variant_id)
    return visit.redirect(f"{PAGE}/{wishlist_id}")


@router.post(f"{PAGE}/{{wishlist_id}}/items/{{variant_id}}/move")
async def move(request: Request, visit: VisitDep, wishlist_id: WishlistId, variant_id: VariantId) -> Response:
    """Put something on another list instead."""
    form = await read(request, MoveForm)
    async with visit.core.database.tx(visit.shop.id) as tx:
        await service.move(tx, visit.shopper, wishlist_id, variant_id, form.to)
    return visit.redirect(f"{PAGE}/{wishlist_id}", "wish-moved")


@router.post(f"{PAGE}/{{wishlist_id}}/items/{{variant_id}}/watch")
async def watch(request: Request, visit: VisitDep, wishlist_id: WishlistId, variant_id: VariantId) -> Response:
    """Be told when it costs less."""
    await read(request, Button)
    asking = asking_of(request, visit.shop, visit.shopper)
    async with visit.core.database.tx(visit.shop.id) as tx:
        await watching.watch(
            tx, visit.shop, visit.shopper, wishlist_id, variant_id, locale=asking.locale, home=asking.home
        )
    return visit.redirect(f"{PAGE}/{wishlist_id}", "watched")


@router.post(f"{PAGE}/{{wishlist_id}}/items/{{variant_id}}/unwatch")
async def unwatch(request: Request, visit: VisitDep, wishlist_id: WishlistId, variant_id: VariantId) -> Response:
    """Be told of it no more."""
    await read(request, Button)
    async with visit.core.database.tx(visit.shop.id) as tx:
        await watching.stop(tx, visit.shopper, wishlist_id, variant_id)
    return visit.redirect(f"{PAGE}/{wishlist_id}", "not-watched")


@router.get("/wished/{token}")
async def look(visit: VisitDep, token: Annotated[Text, Path()]) -> Response:
    """A list that somebody shared."""
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        shared = await service.look(tx, visit.shop, visit.shopper, token)
    page = visit.page("wished.html", wishlist=shared)
    page.headers["referrer-policy"] = "same-origin"
    return page


async def _first(tx: Tx, visit: Visit) -> UUID:
    lists = (await service.lists(tx, visit.shopper)).items
    return lists[0].id if lists else await service.create(tx, visit.shopper, FIRST)
