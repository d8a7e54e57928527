"""Who issues a shop's papers, over HTTP; the papers themselves are found with their orders."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from commerce.documents import service
from commerce.documents.schemas import IssuerIn, IssuerOut
from commerce.http import CoreDep, ShopDep, staff
from commerce.identity.staff import Staff

router = APIRouter(prefix="/v1/admin/documents", tags=["documents"])
Reader = Annotated[Staff, Depends(staff("settings:read"))]
Writer = Annotated[Staff, Depends(staff("settings:write"))]


@router.get("/issuer")
async def issuer(core: CoreDep, shop: ShopDep, _: Reader) -> IssuerOut:
    """Who the shop is in law, as its invoices say."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.issuer(tx)


@router.put("/issuer")
async def set_issuer(core: CoreDep, shop: ShopDep, _: Writer, body: IssuerIn) -> IssuerOut:
    """Say who the shop is in law; from then on its orders are invoiced."""
    async with core.database.tx(shop.id) as tx:
        return await service.set_issuer(tx, body)
