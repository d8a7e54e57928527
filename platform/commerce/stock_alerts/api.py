"""Waiting for something, over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request, status

from commerce.http import CoreDep, CustomerDep, MaybeShopper, ShopDep
from commerce.policies import areas
from commerce.sessions.answering import asking_of
from commerce.sessions.sending import Sending, evenly
from commerce.stock_alerts import service
from commerce.stock_alerts.schemas import StockAlertAsked, StockAlertIn, StockAlertLink, StockAlerts
from foundation.access import SIGNED, needs

router = APIRouter(prefix="/v1/store/stock-alerts", tags=["stock alerts"], route_class=areas.within(areas.CONSENT))


@router.post("", status_code=status.HTTP_202_ACCEPTED)
async def ask(
    request: Request, core: CoreDep, shop: ShopDep, shopper: MaybeShopper, body: StockAlertIn
) -> StockAlertAsked:
    """Ask to be told when a variant can be had again. An address that is no account's own is sent a link first."""
    sending = Sending(core, shop, asking_of(request, shop, shopper))
    async with evenly():
        became = await service.ask(
            sending, body.variant_id, customer_id=shopper.customer_id if shopper else None, email=body.email
        )
    return StockAlertAsked(status=became)


@router.get("")
async def list_alerts(core: CoreDep, shop: ShopDep, by: CustomerDep) -> StockAlerts:
    """What the customer waits for."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.waiting(tx, by.id)


@router.delete("/{variant_id}", status_code=status.HTTP_204_NO_CONTENT)
async def stop(core: CoreDep, shop: ShopDep, by: CustomerDep, variant_id: Annotated[UUID, Path()]) -> None:
    """Wait for it no longer."""
    async with core.database.tx(shop.id) as tx:
        await service.stop(tx, by.id, variant_id)


@router.post("/confirmations", status_code=status.HTTP_204_NO_CONTENT)
@needs(SIGNED)
async def confirm(request: Request, core: CoreDep, shop: ShopDep, body: StockAlertLink) -> None:
    """Show the link that was sent: from now on whoever has the address waits."""
    asking = asking_of(request, shop, None)
    async with core.database.tx(shop.id) as tx:
        await service.confirm(tx, body.token, locale=asking.locale, home=asking.home)


@router.post("/withdrawals", status_code=status.HTTP_204_NO_CONTENT)
@needs(SIGNED)
async def withdraw(core: CoreDep, shop: ShopDep, body: StockAlertLink) -> None:
    """Show the same link to wait no longer; the address is forgotten."""
    async with core.database.tx(shop.id) as tx:
        await service.stop_by_link(tx, body.token)
