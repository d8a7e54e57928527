"""The end of a shop, as its staff ask for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends

from commerce.http import CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from commerce.lifecycle import service
from commerce.lifecycle.schemas import ClosureIn, ClosureOut

router = APIRouter(prefix="/v1/admin/closure", tags=["lifecycle"])
Closer = Annotated[Staff, Depends(staff("settings:close"))]
Reader = Annotated[Staff, Depends(staff("settings:read"))]


@router.get("")
async def read_closure(core: CoreDep, shop: ShopDep, _: Reader) -> ClosureOut:
    """Whether the shop is open, and what closed it."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.standing(tx)


@router.put("")
async def close_shop(core: CoreDep, shop: ShopDep, by: Closer, body: ClosureIn) -> ClosureOut:
    """Close the shop for good. Everything of it is deleted when the time of grace is over; until then it can be undone,
    read and exported.
    """
    grace = timedelta(days=core.settings.closing_days)
    async with core.database.tx(shop.id) as tx:
        standing = await service.close(tx, typed=body.name, reason=body.reason or "", by=by.name, grace=grace)
    core.directory.heard(str(shop.id))
    return standing


@router.delete("")
async def keep_shop(core: CoreDep, shop: ShopDep, by: Closer) -> ClosureOut:
    """The shop shall not end after all: it is as it was before."""
    async with core.database.tx(shop.id) as tx:
        standing = await service.keep(tx, by=by.name)
    core.directory.heard(str(shop.id))
    return standing
