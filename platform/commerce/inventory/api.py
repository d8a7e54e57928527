"""Stock-keeping over HTTP."""

from __future__ import annotations

from typing import Annotated, Protocol, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response, status
from pydantic import Field

from commerce.http import Core, CoreDep, KeyDep, ShopDep, change_once, decode_cursor, staff
from commerce.identity.staff import Staff
from commerce.inventory import bundles, expiry, keeping, policies, transfers, warehouses
from commerce.inventory.schemas import (
    AllocationIn,
    AllocationOut,
    ArrivalIn,
    BundleIn,
    BundleOut,
    CountIn,
    DispatchIn,
    DispatchList,
    DispatchOut,
    LotList,
    MovementList,
    PolicyIn,
    PolicyOut,
    PromiseList,
    RecallIn,
    RecallList,
    ReceiptIn,
    StockLevels,
    TransferIn,
    WarehouseIn,
    WarehouseList,
    WriteOffIn,
)
from commerce.paging import page_of
from commerce.policies.limits import Limits
from foundation.database import Tx
from foundation.http import json_bytes, model_bytes
from foundation.types import Input, Slug, Text

router = APIRouter(prefix="/v1/admin/inventory", tags=["inventory"])
Reader = Annotated[Staff, Depends(staff("inventory:read"))]
Keeper = Annotated[Staff, Depends(staff("inventory:write"))]
OLDEST, NEWEST = UUID(int=0), UUID(int=2**128 - 1)
AskedT_contra = TypeVar("AskedT_contra", ReceiptIn, WriteOffIn, CountIn, TransferIn, contravariant=True)


class Keeping(Protocol[AskedT_contra]):
    """Something that is done to stock, within the limits of whoever does."""

    async def __call__(self, tx: Tx, asked: AskedT_contra, /, *, limits: Limits) -> StockLevels:
        """Do it; gives the SKU's balances."""


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
async def stock(core: CoreDep, shop: ShopDep, by: Reader, query: Annotated[OfSku, Query()]) -> StockLevels:
    """A SKU's balances, by warehouse."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await keeping.levels(tx, query.sku, limits=by.limits)


@router.get("/movements")
async def movements(core: CoreDep, shop: ShopDep, by: Reader, query: Annotated[PageOfSku, Query()]) -> MovementList:
    """What changed a SKU's balances, newest first."""
    before = decode_cursor(query.cursor)[1] if query.cursor else NEWEST
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await keeping.movements(tx, query.sku, before=before, limit=query.limit + 1, limits=by.limits)
    return MovementList(**page_of([(one.id, one) for one in found], query.limit))


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


@router.get("/dispatches")
async def dispatches(core: CoreDep, by: Reader, query: Annotated[PageOfSku, Query()]) -> DispatchList:
    """What was sent of a SKU from one warehouse to another, newest first, and what became of it."""
    before = decode_cursor(query.cursor)[1] if query.cursor else NEWEST
    return await _dispatches(core, by, query.sku, before=before, limit=query.limit)


@router.post("/dispatches", status_code=status.HTTP_201_CREATED, response_model=DispatchList)
async def dispatch(request: Request, core: CoreDep, keeper: Keeper, key: KeyDep, body: DispatchIn) -> Response:
    """Units leave one warehouse for another: they are on their way until they arrive. The newest of the SKU's."""

    async def change(tx: Tx) -> None:
        await transfers.send(tx, body, limits=keeper.limits)

    async def answer() -> Response:
        sent = await _dispatches(core, keeper, body.sku, before=NEWEST, limit=50)
        return json_bytes(model_bytes(sent), status=status.HTTP_201_CREATED)

    return await change_once(request, core, keeper, key, change, answer)


@router.post("/dispatches/{dispatch_id}/arrivals", status_code=status.HTTP_201_CREATED, response_model=DispatchOut)
async def arrive(
    request: Request,
    core: CoreDep,
    keeper: Keeper,
    key: KeyDep,
    dispatch_id: Annotated[UUID, Path()],
    body: ArrivalIn,
) -> Response:
    """Some of what was sent arrived, or is lost."""

    async def change(tx: Tx) -> None:
        await transfers.arrive(tx, dispatch_id, body, limits=keeper.limits)

    async def answer() -> Response:
        async with core.database.tx(keeper.tenant_id, read_only=True) as tx:
            sent = await transfers.get(tx, dispatch_id, limits=keeper.limits)
        return json_bytes(model_bytes(sent), status=status.HTTP_201_CREATED)

    return await change_once(request, core, keeper, key, change, answer)


async def _dispatches(core: Core, by: Staff, sku: str, *, before: UUID, limit: int) -> DispatchList:
    async with core.database.tx(by.tenant_id, read_only=True) as tx:
        found = await transfers.of_sku(tx, sku, before=before, limit=limit + 1, limits=by.limits)
    return DispatchList(**page_of([(one.id, one) for one in found], limit))


@router.get("/lots")
async def lots(core: CoreDep, shop: ShopDep, by: Reader, query: Annotated[OfSku, Query()]) -> LotList:
    """A SKU's lots, those that expire first before the others."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await keeping.lots_of(tx, query.sku, limits=by.limits)


@router.get("/recalls")
async def recall(core: CoreDep, shop: ShopDep, by: Reader, query: Annotated[PageOfLot, Query()]) -> RecallList:
    """The orders that got units of a lot, and in which parcels, and those that hold some."""
    after = decode_cursor(query.cursor)[1] if query.cursor else OLDEST
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await keeping.recall(tx, query.sku, query.lot, after=after, limit=query.limit + 1, by=by)
    return RecallList(**page_of([(one.order_id, one) for one in found], query.limit))


@router.post("/recalls", response_model=LotList)
async def recall_lot(request: Request, core: CoreDep, keeper: Keeper, key: KeyDep, body: RecallIn) -> Response:
    """Sell none of a lot any more: what is there is written off, and what comes back will be."""
    keeper.limits.require_everywhere()

    async def change(tx: Tx) -> None:
        await expiry.recall(tx, body.sku, body.lot)

    async def answer() -> Response:
        async with core.database.tx(keeper.tenant_id, read_only=True) as tx:
            return json_bytes(model_bytes(await keeping.lots_of(tx, body.sku)))

    return await change_once(request, core, keeper, key, change, answer)


@router.get("/policies")
async def policy(core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[OfSku, Query()]) -> PolicyOut:
    """How a SKU is sold when little or nothing of it is there."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await policies.get(tx, query.sku)


@router.put("/policies")
async def put_policy(core: CoreDep, shop: ShopDep, keeper: Keeper, body: PolicyIn) -> PolicyOut:
    """Set what is kept back of a SKU, how many units may be promised beyond what is there, and for when."""
    keeper.limits.require_everywhere()
    async with core.database.tx(shop.id) as tx:
        return await policies.put(tx, body)


@router.get("/warehouses")
async def list_warehouses(core: CoreDep, shop: ShopDep, by: Reader) -> WarehouseList:
    """The shop's warehouses, in the order of their priority."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await warehouses.every(tx, limits=by.limits)


@router.put("/warehouses/{code}")
async def put_warehouse(
    core: CoreDep, shop: ShopDep, keeper: Keeper, code: Annotated[Slug, Path()], body: WarehouseIn
) -> WarehouseList:
    """Add a warehouse, or change the one with this code."""
    async with core.database.tx(shop.id) as tx:
        await warehouses.put(tx, code, body, limits=keeper.limits)
        return await warehouses.every(tx, limits=keeper.limits)


@router.get("/allocation")
async def allocation(core: CoreDep, shop: ShopDep, _: Reader) -> AllocationOut:
    """By which rule orders are allocated to warehouses and lots."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await warehouses.rule(tx)


@router.put("/allocation")
async def put_allocation(core: CoreDep, shop: ShopDep, keeper: Keeper, body: AllocationIn) -> AllocationOut:
    """Say by which rule orders are allocated, from now on."""
    keeper.limits.require_everywhere()
    async with core.database.tx(shop.id) as tx:
        await warehouses.set_rule(tx, body)
        return await warehouses.rule(tx)


@router.get("/bundles")
async def bundle(core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[OfSku, Query()]) -> BundleOut:
    """What a SKU is made of."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await bundles.get(tx, query.sku)


@router.put("/bundles")
async def put_bundle(core: CoreDep, shop: ShopDep, keeper: Keeper, body: BundleIn) -> BundleOut:
    """Say what a SKU is made of, from now on: what was ordered stays as it was."""
    keeper.limits.require_everywhere()
    async with core.database.tx(shop.id) as tx:
        return await bundles.put(tx, body)


@router.get("/promises")
async def promises(core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[PageOfSku, Query()]) -> PromiseList:
    """Who waits for a SKU, in the order in which they will be served."""
    after = decode_cursor(query.cursor)[1] if query.cursor else OLDEST
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await policies.waiting(tx, query.sku, after=after, limit=query.limit + 1)
    return PromiseList(**page_of([(one.id, one) for one in found], query.limit))


async def _change(
    request: Request,
    core: Core,
    keeper: Staff,
    key: str,
    do: Keeping[AskedT_contra],
    body: AskedT_contra,
) -> Response:
    async def change(tx: Tx) -> None:
        await do(tx, body, limits=keeper.limits)

    async def answer() -> Response:
        async with core.database.tx(keeper.tenant_id, read_only=True) as tx:
            levels = await keeping.levels(tx, body.sku, limits=keeper.limits)
        return json_bytes(model_bytes(levels), status=status.HTTP_201_CREATED)

    return await change_once(request, core, keeper, key, change, answer)
