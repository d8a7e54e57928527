"""Collections over HTTP, for shoppers and for staff."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response, status

from commerce.catalog import places
from commerce.catalog import service as catalog
from commerce.catalog.answering import shown
from commerce.catalog.collections import service, showing
from commerce.catalog.collections.schemas import (
    CollectionChange,
    CollectionIn,
    CollectionList,
    CollectionOut,
    MemberList,
    PickedIn,
    PreviewIn,
    PreviewOut,
    ShownCollection,
    ShownCollections,
    ShownQuery,
)
from commerce.catalog.listing import listed
from commerce.catalog.products.schemas import Handle
from commerce.catalog.schemas import CollectionQuery, Listing, Page, ProductList
from commerce.http import CoreDep, ShopDep, cacheable, decode_cursor, staff
from commerce.identity.staff import Staff
from commerce.paging import page_of, place_of
from commerce.policies import areas
from foundation import audit
from foundation.access import ANYONE, needs
from foundation.http import model_bytes
from foundation.types import Id

store_router = APIRouter(prefix="/v1/store/collections", tags=["catalogue"], route_class=areas.within(areas.BROWSING))
router = APIRouter(prefix="/v1/admin/collections", tags=["catalogue"])
Reader = Annotated[Staff, Depends(staff("catalog:read"))]
Publisher = Annotated[Staff, Depends(staff("catalog:publish"))]
CollectionId = Annotated[Id, Path()]
OfHandle = Annotated[Handle, Path()]


@store_router.get("", response_model=ShownCollections)
@needs(ANYONE)
async def list_shown(request: Request, core: CoreDep, shop: ShopDep, query: Annotated[ShownQuery, Query()]) -> Response:
    """The shop's collections, those of its menu first."""
    after = decode_cursor(query.cursor) if query.cursor else None
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await showing.page(tx, shop, after, query.limit + 1)
    page = ShownCollections(**page_of(found, query.limit, by=showing.place_of))
    return cacheable(request, model_bytes(page))


@store_router.get("/{handle}", response_model=ShownCollection)
@needs(ANYONE)
async def show(request: Request, core: CoreDep, shop: ShopDep, handle: OfHandle) -> Response:
    """A collection."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await showing.read(tx, shop, handle)
    return cacheable(request, model_bytes(found))


@store_router.get("/{handle}/products", response_model=Listing | ProductList)
@needs(ANYONE)
async def show_products(
    request: Request, core: CoreDep, shop: ShopDep, handle: OfHandle, query: Annotated[CollectionQuery, Query()]
) -> Response:
    """What is in a collection, in its order, at the caller's prices.

    With `filter`, `sort` or `facets` it is a `Listing`: of the whole collection, with what it can be narrowed down by.
    """
    async with core.database.tx(shop.id, read_only=True) as tx:
        kept = await showing.kept(tx, handle, arranged=bool(query.filter))
    if not query.is_plain or (query.cursor is not None and places.is_one(query.cursor)):
        return await listed(request, core, shop, query, kept=kept)
    after = decode_cursor(query.cursor) if query.cursor else None
    return await shown(
        request,
        core,
        shop,
        lambda shopper: catalog.list_collection(
            core.database, shop, shopper, collection_id=kept.id, after=after, limit=query.limit
        ),
    )


@router.get("")
async def list_collections(core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[Page, Query()]) -> CollectionList:
    """The shop's collections, those that nobody sees too."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await service.page(tx, place_of(query.cursor), query.limit + 1)
    return CollectionList(**page_of(found, query.limit))


@router.post("", status_code=status.HTTP_201_CREATED)
async def add(core: CoreDep, shop: ShopDep, _: Publisher, body: CollectionIn) -> CollectionOut:
    """A new collection, filled by its rule within seconds, or by `PUT .../products`."""
    async with core.database.tx(shop.id) as tx:
        made = await service.add(tx, body)
        audit.made("collection", made)
        return await service.read(tx, made)


@router.post("/previews")
async def preview(core: CoreDep, shop: ShopDep, _: Publisher, body: PreviewIn) -> PreviewOut:
    """How many products a rule finds now, and the first of them; nothing is kept."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.preview(tx, shop, body)


@router.get("/{collection_id}")
async def read(core: CoreDep, shop: ShopDep, _: Reader, collection_id: CollectionId) -> CollectionOut:
    """A collection."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.read(tx, collection_id)


@router.put("/{collection_id}")
async def change(
    core: CoreDep, shop: ShopDep, _: Publisher, collection_id: CollectionId, body: CollectionChange
) -> CollectionOut:
    """Have a collection say something else, or go by another rule."""
    async with core.database.tx(shop.id) as tx:
        await service.change(tx, shop, collection_id, body)
        return await service.read(tx, collection_id)


@router.delete("/{collection_id}", status_code=status.HTTP_204_NO_CONTENT)
async def remove(core: CoreDep, shop: ShopDep, _: Publisher, collection_id: CollectionId) -> None:
    """Take a collection away; its products stay."""
    async with core.database.tx(shop.id) as tx:
        await service.remove(tx, collection_id)


@router.get("/{collection_id}/products")
async def list_products(
    core: CoreDep, shop: ShopDep, _: Reader, collection_id: CollectionId, query: Annotated[Page, Query()]
) -> MemberList:
    """What is in a collection, in its order, whatever its status."""
    after = decode_cursor(query.cursor) if query.cursor else None
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await service.members(tx, collection_id, after, query.limit + 1)
    places = {one.id: place for place, one in found}
    by_id = [(one.id, one) for _, one in found]
    return MemberList(**page_of(by_id, query.limit, by=lambda one: places[one.id]))


@router.put("/{collection_id}/products")
async def pick(
    core: CoreDep, shop: ShopDep, _: Publisher, collection_id: CollectionId, body: PickedIn
) -> CollectionOut:
    """Pick the products of a collection, all of them, in their order."""
    async with core.database.tx(shop.id) as tx:
        await service.pick(tx, shop, collection_id, body)
        return await service.read(tx, collection_id)
