"""Coming into the shop as a customer, from the back office, and leaving again.

The back office may be at another of the shop's names, so a browser is sent over by a form with a token that is good
once. The cookies it comes with are not believed, and only a page of this very shop may send it: nobody is made to act
as a customer by a page of somebody else's.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from commerce.acting import service
from commerce.acting.schemas import EnterIn
from commerce.cross_site import open_to_other_sites
from commerce.http import Core, CoreDep, ShopDep, set_acting_cookie
from commerce.policies import areas
from commerce.sessions import api as sessions
from commerce.tenancy.service import Shop, UnknownTenant
from foundation import clock
from foundation.access import SIGNED, needs
from foundation.errors import Forbidden
from pages.forms import Button, read
from storefront.visit import VisitDep

ENTER = "/acting"
router = APIRouter(route_class=areas.within(areas.PRESENCE))


class NotFromHere(Forbidden):
    """Only a page of this shop's back office sends somebody here."""

    code = "acting.not_from_here"


@router.post(ENTER)
@open_to_other_sites
@needs(SIGNED)
async def enter(request: Request, core: CoreDep, shop: ShopDep) -> Response:
    """Come in as the customer."""
    await _require_from(core, shop, request.headers.get("origin"))
    form = await read(request, EnterIn)
    async with core.database.tx(shop.id) as tx:
        token, shopper = await service.enter(tx, form.token)
    response = RedirectResponse("/", status_code=303)
    if shopper.acting is not None:
        set_acting_cookie(response, token, shopper.acting.ends_at - clock.now(), core.settings)
    return response


@router.post(f"{ENTER}/end")
async def leave(request: Request, visit: VisitDep) -> Response:
    """Stop being here as the customer."""
    await read(request, Button)
    if visit.shopper.acting is not None:
        await sessions.end_session(visit.cookies, visit.core, visit.shop, visit.shopper)
    return visit.redirect("/", "acting-ended")


async def _require_from(core: Core, shop: Shop, origin: str | None) -> None:
    """Every browser says where a form comes from that it sends by POST."""
    try:
        sender = await core.directory.found(urlsplit(origin or "").netloc)
    except (UnknownTenant, ValueError) as fault:
        raise NotFromHere from fault
    if sender.id != shop.id:
        raise NotFromHere
