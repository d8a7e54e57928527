"""Customers are forgotten: as they ask for it, or as the shop's staff do for them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, status

from commerce.http import CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from commerce.privacy import erasing
from commerce.privacy.schemas import ErasureIn

router = APIRouter(tags=["privacy"])
Eraser = Annotated[Staff, Depends(staff("privacy:write"))]


@router.post("/v1/admin/customers/{customer_id}/erasure", status_code=status.HTTP_204_NO_CONTENT)
async def erase_customer(core: CoreDep, shop: ShopDep, staff: Eraser, customer_id: UUID, body: ErasureIn) -> None:
    """Forget a customer, for good: orders and the books stay, without them. A second time changes nothing more."""
    await erasing.forget(core.database, core.settings, shop.id, customer_id, actor=staff.principal, reason=body.reason)
