"""A shopper's orders over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from commerce.catalog.schemas import Page
from commerce.http import CoreDep, ShopDep, ShopperDep, decode_cursor, encode_cursor
from commerce.orders import service
from commerce.orders.schemas import OrderList, OrderOut

router = APIRouter(prefix="/v1/store/orders", tags=["orders"])


@router.get("")
async def list_orders(core: CoreDep, shop: ShopDep, shopper: ShopperDep, query: Annotated[Page, Query()]) -> OrderList:
    """The shopper's orders, newest first."""
    after = decode_cursor(query.cursor)[1] if query.cursor else None
    async with core.database.transaction(shop.id) as session:
        page = await service.page(session, shopper, after=after, limit=query.limit)
    cursor = encode_cursor(0, page.last) if page.has_more else None
    return OrderList(items=list(page.orders), has_more=page.has_more, next_cursor=cursor)


@router.get("/{order_id}")
async def get_order(core: CoreDep, shop: ShopDep, shopper: ShopperDep, order_id: Annotated[UUID, Path()]) -> OrderOut:
    """One order."""
    async with core.database.transaction(shop.id) as session:
        return await service.get(session, shopper, order_id)
