"""Stock-keeping over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response, status
from pydantic import Field

from commerce.http import Core, CoreDep, KeyDep, ShopDep, change_once, decode_cursor, encode_cursor, staff
from commerce.identity.staff import Staff
from commerce.inventory import bundles, keeping, policies
from commerce.inventory.schemas import (
    BundleIn,
    BundleOut,
    CountIn,
    LotList,
    MovementList,
    PolicyIn,
    PolicyOut,
    PromiseList,
    RecallList,
    ReceiptIn,
    StockLevels,
    TransferIn,
    WriteOffIn,
)
from foundation.database import Tx
from foundation.http import json_bytes, model_bytes
from foundation.types import Input, Text

router = APIRouter(prefix="/v1/admin/inventory", tags=["inventory"])
Reader = Annotated[Staff, Depends(staff("inventory:read"))]
Keeper = Annotated[Staff, Depends(staff("inventory:write"))]
OLDEST, NEWEST = UUID(int=0), UUID(int=2**128 - 1)
AskedT = TypeVar("AskedT", ReceiptIn, WriteOffIn, CountIn, TransferIn)


class OfSku(Input):
    """A SKU."""

    sku: Text


class PageOfLot(OfSku):
    """A page of what is known of a lot."""

    lot: Text
    cursor: Annotated[str, Field(max_length=200)] | None = None
    limit: Annotated[int, Field(strict=False, ge=1, le=100)] = 50


class PageOfSku(OfSku):
    """A page of what is known of a SKU."""

    cursor: Annotated[str, Field(max_length=200)] | None = None
    limit: Annotated[int, Field(strict=False, ge=1, le=100)] = 50


@router.get("/stock")
async def stock(core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[OfSku, Query()]) -> StockLevels:
    """A SKU's balances, by warehouse."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await keeping.levels(tx, query.sku)


@router.get("/movements")
async def movements(core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[PageOfSku, Query()]) -> MovementList:
    """What changed a SKU's balances, newest first."""
    before = decode_cursor(query.cursor)[1] if query.cursor else NEWEST
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await keeping.movements(tx, query.sku, before=before, limit=query.limit + 1)
    shown, more = list(found[: query.limit]), len(found) > query.limit
    return MovementList(items=shown, has_more=more, next_cursor=encode_cursor(0, shown[-1].id) if more else None)


@router.post("/receipts", status_code=status.HTTP_201_CREATED, response_model=StockLevels)
async def receive(request: Request, core: CoreDep, keeper: Keeper, key: KeyDep, body: ReceiptIn) -> Response:
    """Units came in."""
    return await _change(request, core, keeper, key, keeping.receive, body)


@router.post("/write-offs", status_code=status.HTTP_201_CREATED, response_model=StockLevels)
async def write_off(request: Request, core: CoreDep, keeper: Keeper, key: KeyDep, body: WriteOffIn) -> Response:
    """Units can't be sold any more."""
    return await _change(request, core, keeper, key, keeping.write_off, body)


@router.post("/counts", status_code=status.HTTP_201_CREATED, response_model=StockLevels)
async def count(request: Request, core: CoreDep, keeper: Keeper, key: KeyDep, body: CountIn) -> Response:
    """What lies there was counted."""
    return await _change(request, core, keeper, key, keeping.count, body)


@router.post("/transfers", status_code=status.HTTP_201_CREATED, response_model=StockLevels)
async def transfer(request: Request, core: CoreDep, keeper: Keeper, key: KeyDep, body: TransferIn) -> Response:
    """Units went from one warehouse to another."""
    return await _change(request, core, keeper, key, keeping.transfer, body)


@router.get("/lots")
async def lots(core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[OfSku, Query()]) -> LotList:
    """A SKU's lots, those that expire first before the others."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await keeping.lots_of(tx, query.sku)


@router.get("/recalls")
async def recall(core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[PageOfLot, Query()]) -> RecallList:
    """The orders that got units of a lot, and in which parcels, and those that hold some."""
    after = decode_cursor(query.cursor)[1] if query.cursor else OLDEST
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await keeping.recall(tx, query.sku, query.lot, after=after, limit=query.limit + 1)
    shown, more = list(found[: query.limit]), len(found) > query.limit
    return RecallList(items=shown, has_more=more, next_cursor=encode_cursor(0, shown[-1].order_id) if more else None)


@router.get("/policies")
async def policy(core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[OfSku, Query()]) -> PolicyOut:
    """How a SKU is sold when little or nothing of it is there."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await policies.get(tx, query.sku)


@router.put("/policies")
async def put_policy(core: CoreDep, shop: ShopDep, _: Keeper, body: PolicyIn) -> PolicyOut:
    """Set what is kept back of a SKU, how many units may be promised beyond what is there, and for when."""
    async with core.database.tx(shop.id) as tx:
        return await policies.put(tx, body)


@router.get("/bundles")
async def bundle(core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[OfSku, Query()]) -> BundleOut:
    """What a SKU is made of."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await bundles.get(tx, query.sku)


@router.put("/bundles")
async def put_bundle(core: CoreDep, shop: ShopDep, _: Keeper, body: BundleIn) -> BundleOut:
    """Say what a SKU is made of, from now on: what was ordered stays as it was."""
    async with core.database.tx(shop.id) as tx:
        return await bundles.put(tx, body)


@router.get("/promises")
async def promises(core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[PageOfSku, Query()]) -> PromiseList:
    """Who waits for a SKU, in the order in which they will be served."""
    after = decode_cursor(query.cursor)[1] if query.cursor else OLDEST
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await policies.waiting(tx, query.sku, after=after, limit=query.limit + 1)
    shown, more = list(found[: query.limit]), len(found) > query.limit
    return PromiseList(items=shown, has_more=more, next_cursor=encode_cursor(0, shown[-1].id) if more else None)


async def _change(
    request: Request,
    core: Core,
    keeper: Staff,
    key: str,
    do: Callable[[Tx, AskedT], Awaitable[StockLevels]],
    body: AskedT,
) -> Response:
    async def change(tx: Tx) -> None:
        await do(tx, body)

    async def answer() -> Response:
        async with core.database.tx(keeper.tenant_id, read_only=True) as tx:
            levels = await keeping.levels(tx, body.sku)
        return json_bytes(model_bytes(levels), status=status.HTTP_201_CREATED)

    return await change_once(request, core, keeper, key, change, answer)
