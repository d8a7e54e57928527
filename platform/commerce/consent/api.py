"""What somebody agrees to, over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from commerce.consent import service
from commerce.consent.schemas import AnswersIn, AnswersOut, AnswersQuery, ConsentOut
from commerce.http import CoreDep, ShopDep, ShopperDep, decode_cursor, encode_cursor
from commerce.policies import areas

router = APIRouter(prefix="/v1/store/consent", tags=["consent"], route_class=areas.within(areas.CONSENT))


@router.get("")
async def read(core: CoreDep, shop: ShopDep, shopper: ShopperDep) -> ConsentOut:
    """Every purpose, what is said of it, and whether this shopper agrees."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.standing(tx, shopper)


@router.put("")
async def answer(core: CoreDep, shop: ShopDep, shopper: ShopperDep, body: AnswersIn) -> ConsentOut:
    """Agree, refuse or withdraw; what isn't named stays. A customer's answer counts on all of their devices."""
    async with core.database.tx(shop.id) as tx:
        now = await service.answer(tx, shopper, body.answers, source="api", text_version=body.text_version)
        return await service.standing(tx, now)


@router.get("/answers")
async def answers(
    core: CoreDep, shop: ShopDep, shopper: ShopperDep, query: Annotated[AnswersQuery, Query()]
) -> AnswersOut:
    """Every answer this shopper gave, the newest first."""
    before = decode_cursor(query.cursor)[1] if query.cursor else None
    async with core.database.tx(shop.id, read_only=True) as tx:
        items, has_more = await service.history(tx, shopper, limit=query.limit, before=before)
    cursor = encode_cursor(0, items[-1].id) if has_more else None
    return AnswersOut(items=items, has_more=has_more, next_cursor=cursor)
