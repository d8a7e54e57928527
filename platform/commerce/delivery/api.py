"""Ways to deliver over HTTP, for staff."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from commerce.delivery import service
from commerce.delivery.schemas import MethodIn, MethodList
from commerce.http import CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from foundation.types import Slug

router = APIRouter(prefix="/v1/admin/delivery-methods", tags=["delivery"])
Reader = Annotated[Staff, Depends(staff("settings:read"))]
Writer = Annotated[Staff, Depends(staff("settings:write"))]


@router.get("")
async def list_methods(core: CoreDep, shop: ShopDep, _: Reader) -> MethodList:
    """The shop's ways to deliver."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return MethodList(items=await service.methods(tx))


@router.put("/{code}")
async def put_method(
    core: CoreDep, shop: ShopDep, _: Writer, code: Annotated[Slug, Path()], body: MethodIn
) -> MethodList:
    """Add a way to deliver, or change the one with this code."""
    async with core.database.tx(shop.id) as tx:
        await service.put(tx, code, body)
        return MethodList(items=await service.methods(tx))
