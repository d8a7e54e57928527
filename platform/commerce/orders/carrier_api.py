"""Carriers over HTTP: their events, and the secrets they sign them with."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import ValidationError

from commerce.http import CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from commerce.orders import tracking
from commerce.orders.parcel_schemas import CarrierAccount, CarrierEvents, CarrierReport, CarriersOut, Received
from commerce.orders.tracking import ForgedCarrierEvent
from foundation import clock, webhooks
from foundation.access import SIGNED, needs
from foundation.http import InvalidFields
from foundation.types import Slug

router = APIRouter(tags=["carriers"])
Reader = Annotated[Staff, Depends(staff("orders:read"))]
Keeper = Annotated[Staff, Depends(staff("settings:write"))]
Carrier = Annotated[Slug, Path()]


_BODY = {"requestBody": {"content": {"application/json": {"schema": CarrierReport.model_json_schema()}}}}


@router.post("/v1/webhooks/carriers/{carrier}", openapi_extra=_BODY)
@needs(SIGNED)
async def receive(request: Request, core: CoreDep, shop: ShopDep, carrier: Carrier) -> Received:
    """Take a carrier's event: signed in the Standard Webhooks form, kept once, acted on when its parcel is known."""
    body = await request.body()
    async with core.database.tx(shop.id, read_only=True) as tx:
        secret = await tracking.secret_of(tx, carrier)
    try:
        event_id = webhooks.verify(secret, request.headers, body, now=clock.now())
    except webhooks.Forged as forged:
        raise ForgedCarrierEvent from forged
    try:
        report = CarrierReport.model_validate_json(body)
    except ValidationError as fault:
        errors = [{"param": ".".join(map(str, error["loc"])), "message": error["msg"]} for error in fault.errors()]
        raise InvalidFields(errors=errors[:50]) from fault
    async with core.database.tx(shop.id) as tx:
        new = await tracking.keep(tx, carrier, event_id, report)
    await tracking.catch_up(core.database, shop.id, report.tracking_number)
    return Received(known=not new)


@router.get("/v1/admin/carriers")
async def list_carriers(core: CoreDep, shop: ShopDep, _: Reader) -> CarriersOut:
    """The carriers whose events are taken."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await tracking.carriers(tx)


@router.put("/v1/admin/carriers/{carrier}")
async def connect(core: CoreDep, shop: ShopDep, _: Keeper, carrier: Carrier) -> CarrierAccount:
    """Make a new secret for a carrier; it is shown this once, and the one before is good no longer."""
    async with core.database.tx(shop.id) as tx:
        return CarrierAccount(carrier=carrier, secret=await tracking.connect(tx, carrier))


@router.get("/v1/admin/carrier-events")
async def list_unmatched(
    core: CoreDep, shop: ShopDep, _: Reader, limit: Annotated[int, Query(ge=1, le=100)] = 50
) -> CarrierEvents:
    """What carriers said of tracking numbers that no parcel has, newest first."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return CarrierEvents(items=await tracking.unmatched(tx, limit=limit))
