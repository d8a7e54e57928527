"""Vendors over HTTP, for the shop's staff."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response, status

from commerce.http import CoreDep, KeyDep, ShopDep, change_once, staff
from commerce.identity.staff import Staff
from commerce.vendors import paying, service
from commerce.vendors.schemas import (
    Assigned,
    AssignIn,
    PayoutIn,
    PayoutList,
    VendorBalance,
    VendorIn,
    VendorList,
    VendorOut,
)
from foundation.database import Tx
from foundation.http import json_bytes, model_bytes
from foundation.types import Slug

router = APIRouter(prefix="/v1/admin/vendors", tags=["vendors"])
Reader = Annotated[Staff, Depends(staff("vendors:read"))]
Writer = Annotated[Staff, Depends(staff("vendors:write"))]
Payer = Annotated[Staff, Depends(staff("vendors:pay"))]
Code = Annotated[Slug, Path()]


@router.get("")
async def list_vendors(core: CoreDep, shop: ShopDep, _: Reader) -> VendorList:
    """The shop's vendors."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return VendorList(items=await service.vendors(tx))


@router.put("/{code}")
async def put_vendor(core: CoreDep, shop: ShopDep, _: Writer, code: Code, body: VendorIn) -> VendorOut:
    """Add a vendor, or change the one with this code."""
    async with core.database.tx(shop.id) as tx:
        return await service.put(tx, code, body)


@router.post("/{code}/products")
async def assign_products(core: CoreDep, shop: ShopDep, _: Writer, code: Code, body: AssignIn) -> Assigned:
    """Let the vendor sell some products from now on."""
    async with core.database.tx(shop.id) as tx:
        return Assigned(products=await service.assign(tx, code, body.product_ids))


@router.get("/{code}/balances")
async def vendor_balances(core: CoreDep, shop: ShopDep, _: Reader, code: Code) -> list[VendorBalance]:
    """What the vendor has earned and been paid."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await paying.balances(tx, (await service.by_code(tx, code)).id)


@router.get("/{code}/payouts")
async def vendor_payouts(core: CoreDep, shop: ShopDep, _: Reader, code: Code) -> PayoutList:
    """What the vendor was paid."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return PayoutList(items=await paying.payouts(tx, (await service.by_code(tx, code)).id))


@router.post("/{code}/payouts", status_code=status.HTTP_201_CREATED, response_model=PayoutList)
async def pay_vendor(request: Request, core: CoreDep, by: Payer, key: KeyDep, code: Code, body: PayoutIn) -> Response:
    """Pay the vendor what is due."""

    async def change(tx: Tx) -> None:
        await paying.pay_out(tx, code, sent_before=body.sent_before)

    async def answer() -> Response:
        async with core.database.tx(by.tenant_id, read_only=True) as tx:
            paid = PayoutList(items=await paying.payouts(tx, (await service.by_code(tx, code)).id))
        return json_bytes(model_bytes(paid), status=status.HTTP_201_CREATED)

    return await change_once(request, core, by, key, change, answer)
