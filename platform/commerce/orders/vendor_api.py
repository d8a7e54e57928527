"""A vendor's part of orders, over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response, status

from commerce.catalog.schemas import Page
from commerce.http import (
    CoreDep,
    KeyDep,
    ShopDep,
    VendorDesk,
    change_once,
    decode_cursor,
    vendor_desk,
)
from commerce.orders import fulfilling
from commerce.orders.held import Actor
from commerce.orders.lines import UnknownLine
from commerce.orders.parcel_schemas import FulfilIn
from commerce.orders.states import TRANSITIONS
from commerce.paging import page_of
from commerce.vendors import paying, reading
from commerce.vendors.schemas import PayoutList, VendorBalance, VendorOrderDetail, VendorOrderList
from foundation.database import Tx
from foundation.http import json_bytes, model_bytes

router = APIRouter(prefix="/v1/vendor", tags=["vendor"])
Reader = Annotated[VendorDesk, Depends(vendor_desk("orders:read"))]
Sender = Annotated[VendorDesk, Depends(vendor_desk(TRANSITIONS["fulfil"].scope))]
NEWEST = UUID(int=2**128 - 1)


@router.get("/orders")
async def list_orders(core: CoreDep, shop: ShopDep, by: Reader, query: Annotated[Page, Query()]) -> VendorOrderList:
    """The vendor's orders, newest first."""
    before = decode_cursor(query.cursor)[1] if query.cursor else NEWEST
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await reading.page(tx, by.vendor_id, before=before, limit=query.limit + 1)
    return VendorOrderList(**page_of([(one.id, one) for one in found], query.limit))


@router.get("/orders/{vendor_order_id}")
async def get_order(
    core: CoreDep, shop: ShopDep, by: Reader, vendor_order_id: Annotated[UUID, Path()]
) -> VendorOrderDetail:
    """What to send, and where to."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await reading.one(tx, by.vendor_id, vendor_order_id)


@router.post(
    "/orders/{vendor_order_id}/fulfilments", status_code=status.HTTP_201_CREATED, response_model=VendorOrderDetail
)
async def fulfil(
    request: Request,
    core: CoreDep,
    by: Sender,
    key: KeyDep,
    vendor_order_id: Annotated[UUID, Path()],
    body: FulfilIn,
) -> Response:
    """Send the units named, or all of the vendor's that have not left, of one consignment where it is named."""

    async def change(tx: Tx) -> None:
        order_id, lines = await reading.lines_of(tx, by.vendor_id, vendor_order_id)
        if body.lines:
            asked = [(line.line_id, line.quantity) for line in body.lines]
        else:
            named = body.consignment_id
            asked = [(one, left.units) for one, left in lines.items() if named in {None, left.consignment_id}]
        for line_id, _ in asked:
            if line_id not in lines:
                raise UnknownLine(line_id=line_id)
        await fulfilling.fulfil(
            tx,
            order_id,
            Actor("staff", f"vendor:{by.staff.name}", giver=by.staff.giver),
            lines=[(line_id, quantity) for line_id, quantity in asked if quantity],
            consignment_id=body.consignment_id,
            warehouse=body.warehouse,
            carrier=body.carrier,
            tracking_number=body.tracking_number,
        )

    async def answer() -> Response:
        async with core.database.tx(by.staff.tenant_id, read_only=True) as tx:
            order = await reading.one(tx, by.vendor_id, vendor_order_id)
        return json_bytes(model_bytes(order), status=status.HTTP_201_CREATED)

    return await change_once(request, core, by.staff, key, change, answer)


@router.get("/balances")
async def balances(core: CoreDep, shop: ShopDep, by: Reader) -> list[VendorBalance]:
    """What the vendor has earned and been paid."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await paying.balances(tx, by.vendor_id)


@router.get("/payouts")
async def payouts(core: CoreDep, shop: ShopDep, by: Reader) -> PayoutList:
    """What the vendor was paid."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return PayoutList(items=await paying.payouts(tx, by.vendor_id))
