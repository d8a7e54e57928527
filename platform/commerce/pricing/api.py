"""Prices over HTTP, for staff and for programs that decide them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, status

from commerce.http import CoreDep, ShopDep, decode_cursor, staff
from commerce.identity.staff import Staff
from commerce.paging import page_of
from commerce.pricing import service
from commerce.pricing.schemas import (
    CostIn,
    CustomerGroupOut,
    GroupIn,
    ListPriceIn,
    OffersIn,
    PriceChangeList,
    PriceChangesQuery,
    PricesOut,
    QuoteIn,
    QuoteOut,
)
from foundation.types import Text

router = APIRouter(prefix="/v1/admin/prices", tags=["prices"])
Reader = Annotated[Staff, Depends(staff("prices:read"))]
Writer = Annotated[Staff, Depends(staff("prices:write"))]
Decider = Annotated[Staff, Depends(staff("prices:quote"))]
Sku = Annotated[Text, Path()]


@router.get("/variants/{sku}")
async def read(core: CoreDep, shop: ShopDep, _: Reader, sku: Sku) -> PricesOut:
    """All prices of a variant."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.read(tx, sku)


@router.get("/variants/{sku}/changes")
async def list_changes(
    core: CoreDep, shop: ShopDep, _: Reader, sku: Sku, query: Annotated[PriceChangesQuery, Query()]
) -> PriceChangeList:
    """Who changed a variant's prices, when, from what, and to what."""
    before = decode_cursor(query.cursor)[1] if query.cursor else None
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await service.changes(tx, sku, before, query.limit + 1)
    return PriceChangeList(**page_of([(one.id, one) for one in found], query.limit))


@router.put("/variants/{sku}/list")
async def set_list_price(core: CoreDep, shop: ShopDep, _: Writer, sku: Sku, body: ListPriceIn) -> PricesOut:
    """Say what a variant costs when nothing else holds."""
    async with core.database.tx(shop.id) as tx:
        return await service.set_list_price(tx, sku, body)


@router.put("/variants/{sku}/cost")
async def set_cost(core: CoreDep, shop: ShopDep, _: Writer, sku: Sku, body: CostIn) -> PricesOut:
    """Say what a variant costs the shop; bulk price changes keep its price above it."""
    async with core.database.tx(shop.id) as tx:
        return await service.set_cost(tx, sku, body)


@router.put("/variants/{sku}/offers")
async def set_offers(core: CoreDep, shop: ShopDep, _: Writer, sku: Sku, body: OffersIn) -> PricesOut:
    """Put a variant's sale, group and quantity prices in a currency in place of those it had."""
    async with core.database.tx(shop.id) as tx:
        return await service.set_offers(tx, sku, body)


@router.put("/groups/{reference}")
async def set_group(
    core: CoreDep, shop: ShopDep, _: Writer, reference: Annotated[Text, Path()], body: GroupIn
) -> CustomerGroupOut:
    """Say which group of customers somebody belongs to."""
    async with core.database.tx(shop.id) as tx:
        return await service.set_group(tx, reference, body.group)


@router.post("/quotes", status_code=status.HTTP_201_CREATED)
async def quote(core: CoreDep, shop: ShopDep, _: Decider, body: QuoteIn) -> QuoteOut:
    """Promise a shopper a price until a time; a decision's own id makes a retry safe."""
    async with core.database.tx(shop.id) as tx:
        return await service.quote(tx, body)
