"""What came wrong or not at all, said from the order's page, with photos."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from commerce.orders import claims_api
from commerce.orders.claiming import Claimed
from commerce.orders.photos import CLAIMS
from commerce.orders.photos_api import shown
from commerce.policies import areas
from foundation.errors import Problem
from pages.forms import read
from storefront import order_photos
from storefront.forms import ClaimForm
from storefront.orders import OrderId, order_page
from storefront.visit import VisitDep

ClaimId = Annotated[UUID, Path()]
router = APIRouter(route_class=areas.within(areas.ORDERS))


@router.post("/orders/{order_id}/claims")
async def claim(request: Request, visit: VisitDep, order_id: OrderId) -> Response:
    """Say that units of a line came wrong: once for each form shown."""
    try:
        form = await read(request, ClaimForm)
        claimed = [Claimed(form.line_id, form.quantity, form.reason)]
        await claims_api.raise_once(
            request, visit.core, visit.shopper, form.idempotency_key, order_id, claimed, note=form.note or ""
        )
    except Problem as problem:
        return await order_page(visit, order_id, problem)
    return visit.redirect(f"/orders/{order_id}", "claim-raised")


@router.post("/orders/{order_id}/claims/{claim_id}/photos")
async def add_photo(request: Request, visit: VisitDep, order_id: OrderId, claim_id: ClaimId) -> Response:
    """Add a photo to a claim: once for each form shown."""
    return await order_photos.add(request, visit, CLAIMS, order_id, claim_id)


@router.get("/orders/{order_id}/claims/{claim_id}/photos/{photo_id}")
async def photo(visit: VisitDep, order_id: OrderId, claim_id: ClaimId, photo_id: Annotated[UUID, Path()]) -> Response:
    """A photo of a claim of one's own."""
    return await shown(visit.core, visit.shopper, CLAIMS, (order_id, claim_id, photo_id))
