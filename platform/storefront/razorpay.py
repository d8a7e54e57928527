"""The way to Razorpay's own payment page, and back.

Its page takes cards, UPI and net banking; the shop gives it the order and the amount, and nothing of a card passes us.
Where the shopper comes back from it says nothing: the provider is asked.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from commerce.cart import service as carts
from commerce.cross_site import open_to_other_sites
from commerce.payments import attempts
from commerce.policies import areas
from foundation.access import ANYONE, needs
from storefront.forms import LocalPath
from storefront.paying import RAZORPAY_PAGE
from storefront.visit import VisitDep

HOSTED = "https://api.razorpay.com/v1/checkout/embedded"
BACK = f"{RAZORPAY_PAGE}/back"
router = APIRouter(route_class=areas.within(areas.CHECKOUT))


@router.get(RAZORPAY_PAGE)
async def show(
    request: Request, visit: VisitDep, cart_id: Annotated[UUID, Query()], back: Annotated[LocalPath, Query()]
) -> Response:
    """A form that opens Razorpay's page for the payment that waits."""
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        await carts.get(tx, visit.shopper, cart_id)
        attempt = await attempts.latest(tx, cart_id)
    waiting = [part for part in attempt.parts if part.provider == "razorpay"] if attempt else []
    part = next((part for part in waiting if part.status == "action_required"), None)
    if part is None:
        return visit.redirect(back)
    query = urlencode({"to": back})
    fields = {
        "key_id": visit.core.settings.razorpay_key_id,
        "order_id": part.charge.reference,
        "amount": part.charge.amount,
        "currency": part.charge.currency,
        "name": visit.shop.name,
        "callback_url": f"{request.base_url}{BACK.lstrip('/')}?{query}",
        "cancel_url": f"{request.base_url}{BACK.lstrip('/')}?{query}",
    }
    return visit.page(
        "razorpay.html", forms_to="https://api.razorpay.com", fields=fields, hosted=HOSTED, charge=part.charge
    )


@router.api_route(BACK, methods=["GET", "POST"])
@open_to_other_sites
@needs(ANYONE)
async def come_back(to: Annotated[LocalPath, Query()]) -> Response:
    """From Razorpay's page, by a form of theirs: nothing in it is believed, the page that is gone to asks Razorpay."""
    return RedirectResponse(to, status_code=303)
