"""The ledger over HTTP, for those who audit it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from commerce.http import CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from commerce.ledger import service
from commerce.ledger.schemas import TrialBalance

router = APIRouter(prefix="/v1/admin/ledger", tags=["ledger"])
Reader = Annotated[Staff, Depends(staff("ledger:read"))]


@router.get("/trial-balance")
async def trial_balance(core: CoreDep, shop: ShopDep, _: Reader) -> TrialBalance:
    """Every account, and that they sum to zero."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.trial_balance(tx)
