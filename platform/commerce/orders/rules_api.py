"""A shop's rules for its orders, over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from commerce.http import CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from commerce.orders import rules
from commerce.orders.schemas import RulesIn, RulesOut

router = APIRouter(prefix="/v1/admin/order-rules", tags=["orders"])
Reader = Annotated[Staff, Depends(staff("settings:read"))]
Writer = Annotated[Staff, Depends(staff("settings:write"))]


@router.get("")
async def read(core: CoreDep, shop: ShopDep, _: Reader) -> RulesOut:
    """How long orders can be cancelled by their shoppers, and sent back."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await rules.read(tx)


@router.put("")
async def put(core: CoreDep, shop: ShopDep, _: Writer, body: RulesIn) -> RulesOut:
    """Put rules in place of those there were."""
    async with core.database.tx(shop.id) as tx:
        return await rules.put(tx, body)
