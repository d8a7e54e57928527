"""Behavioural events over HTTP."""

from __future__ import annotations

from fastapi import APIRouter, status

from commerce.behaviour import service
from commerce.behaviour.schemas import Batch, Receipt
from commerce.http import CoreDep, ShopDep, ShopperDep
from commerce.policies import areas

router = APIRouter(prefix="/v1/events", tags=["events"], route_class=areas.within(areas.BROWSING))


@router.post("", status_code=status.HTTP_202_ACCEPTED)
async def receive(core: CoreDep, shop: ShopDep, shopper: ShopperDep, body: Batch) -> Receipt:
    """Take a batch of what the shopper did; each event stands or falls by itself. What somebody of the staff did as a
    customer is nobody's behaviour, and not taken.
    """
    if shopper.acting is not None:
        return Receipt(accepted=0, ignored=len(body.events), rejected=[])
    async with core.database.transaction(shop.id) as session:
        return await service.receive(session, shopper, body.events)
