"""Discount codes over HTTP, for staff."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from commerce.http import CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from commerce.promotions import service
from commerce.promotions.schemas import CodeDetail, CodeIn, CodeList, CodeName

router = APIRouter(prefix="/v1/admin/discount-codes", tags=["promotions"])
Reader = Annotated[Staff, Depends(staff("promotions:read"))]
Writer = Annotated[Staff, Depends(staff("promotions:write"))]
Name = Annotated[CodeName, Path()]


@router.get("")
async def list_codes(
    core: CoreDep,
    shop: ShopDep,
    _: Reader,
    cursor: Annotated[CodeName | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> CodeList:
    """The shop's codes by name; the cursor is the last one seen."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await service.page(tx, after=cursor or "", limit=limit + 1)
    shown = found[:limit]
    has_more = len(found) > limit
    return CodeList(items=shown, has_more=has_more, next_cursor=shown[-1].code if has_more else None)


@router.get("/{code}")
async def read(core: CoreDep, shop: ShopDep, _: Reader, code: Name) -> CodeDetail:
    """A code, how often it was used, and for which orders of late."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.read(tx, code)


@router.put("/{code}")
async def put(core: CoreDep, shop: ShopDep, _: Writer, code: Name, body: CodeIn) -> CodeDetail:
    """Add a code, or change the one with this name."""
    async with core.database.tx(shop.id) as tx:
        return await service.put(tx, code, body)
