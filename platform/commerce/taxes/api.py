"""Taxes over HTTP, for staff."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from commerce.http import CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from commerce.taxes import service
from commerce.taxes.schemas import PolicyIn, RatesIn, TaxesOut
from foundation.types import Country

router = APIRouter(prefix="/v1/admin/taxes", tags=["taxes"])
Reader = Annotated[Staff, Depends(staff("settings:read"))]
Writer = Annotated[Staff, Depends(staff("settings:write"))]


@router.get("")
async def read(core: CoreDep, shop: ShopDep, _: Reader) -> TaxesOut:
    """The policy and all rates."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.read(tx)


@router.put("/policy")
async def set_policy(core: CoreDep, shop: ShopDep, _: Writer, body: PolicyIn) -> TaxesOut:
    """Say whether prices include tax, and where the shop sells from."""
    async with core.database.tx(shop.id) as tx:
        return await service.set_policy(tx, body)


@router.put("/rates/{country}")
async def set_rates(
    core: CoreDep, shop: ShopDep, _: Writer, country: Annotated[Country, Path()], body: RatesIn
) -> TaxesOut:
    """Put a country's rates in place of those it had."""
    async with core.database.tx(shop.id) as tx:
        return await service.set_rates(tx, country, body)
