"""Gift wrap over HTTP, for staff."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from commerce.cart import gifts
from commerce.cart.schemas import GiftWrapIn, GiftWrapOut
from commerce.http import CoreDep, ShopDep, staff
from commerce.identity.staff import Staff

router = APIRouter(prefix="/v1/admin/gift-wrap", tags=["carts"])
Writer = Annotated[Staff, Depends(staff("settings:write"))]


@router.put("")
async def set_wrapping(core: CoreDep, shop: ShopDep, _: Writer, body: GiftWrapIn) -> GiftWrapOut:
    """Say what wrapping costs, or that nothing is wrapped any more."""
    async with core.database.tx(shop.id) as tx:
        return await gifts.set_wrapping(tx, body)
