"""Products over HTTP, for staff."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, status

from commerce.catalog.products import history, listing, living, reading, writing
from commerce.catalog.products.answering import done, made
from commerce.catalog.products.history import Author
from commerce.catalog.products.schemas import (
    Differences,
    ProductChange,
    ProductIn,
    ProductOut,
    ProductRowList,
    ProductsQuery,
    PublicationIn,
    RejectionIn,
    Step,
    VersionList,
)
from commerce.catalog.schemas import Page
from commerce.http import CoreDep, ShopDep, decode_cursor, staff
from commerce.identity.staff import Staff
from commerce.paging import LAST, page_of, place_of
from foundation.types import Id

router = APIRouter(prefix="/v1/admin/products", tags=["catalogue"])
Reader = Annotated[Staff, Depends(staff("catalog:read"))]
Writer = Annotated[Staff, Depends(staff("catalog:write"))]
Publisher = Annotated[Staff, Depends(staff("catalog:publish"))]
ProductId = Annotated[Id, Path()]


@router.get("")
async def list_products(
    core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[ProductsQuery, Query()]
) -> ProductRowList:
    """Every product, the newest first."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await listing.page(tx, query, place_of(query.cursor, LAST), currency=shop.currency)
    return ProductRowList(**page_of(found, query.limit))


@router.post("", status_code=status.HTTP_201_CREATED)
async def create(core: CoreDep, shop: ShopDep, by: Writer, body: ProductIn) -> ProductOut:
    """A new draft."""
    return await made(core, shop, Author.of(by), writing.create, body)


@router.get("/{product_id}")
async def read(core: CoreDep, shop: ShopDep, _: Reader, product_id: ProductId) -> ProductOut:
    """A product, and what is proposed of it."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await reading.read(tx, product_id, currency=shop.currency)


@router.put("/{product_id}")
async def change(core: CoreDep, shop: ShopDep, by: Writer, product_id: ProductId, body: ProductChange) -> ProductOut:
    """Have a product say something else; without `catalog:publish`, what is live gets a proposal."""
    return await done(core, shop, Author.of(by), writing.change, product_id, body.version, body)


@router.post("/{product_id}/copies", status_code=status.HTTP_201_CREATED)
async def clone(core: CoreDep, shop: ShopDep, by: Writer, product_id: ProductId) -> ProductOut:
    """A new draft that says what a product says."""
    return await made(core, shop, Author.of(by), writing.clone, product_id)


@router.get("/{product_id}/versions")
async def list_versions(
    core: CoreDep, shop: ShopDep, _: Reader, product_id: ProductId, query: Annotated[Page, Query()]
) -> VersionList:
    """Who changed a product or moved it on, when, and what it said from then on."""
    before = decode_cursor(query.cursor)[0] if query.cursor else history.LATEST
    async with core.database.tx(shop.id, read_only=True) as tx:
        await reading.row_of(tx, product_id, currency=shop.currency)
        found = await history.page(tx, product_id, before, query.limit + 1)
    return VersionList(**page_of(found, query.limit, by=lambda one: one.version))


@router.get("/{product_id}/changes")
async def list_changes(core: CoreDep, shop: ShopDep, _: Reader, product_id: ProductId) -> Differences:
    """What a product, or what is proposed of it, says otherwise than the version that was approved last."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await history.changes(tx, await reading.row_of(tx, product_id, currency=shop.currency))


@router.post("/{product_id}/submission")
async def submit(core: CoreDep, shop: ShopDep, by: Writer, product_id: ProductId, body: Step) -> ProductOut:
    """Ask for a review."""
    return await done(core, shop, Author.of(by), living.submit, product_id, body.version)


@router.post("/{product_id}/withdrawal")
async def withdraw(core: CoreDep, shop: ShopDep, by: Writer, product_id: ProductId, body: Step) -> ProductOut:
    """Take back what was submitted, or throw a proposal away."""
    return await done(core, shop, Author.of(by), living.withdraw, product_id, body.version)


@router.post("/{product_id}/approval")
async def approve(core: CoreDep, shop: ShopDep, by: Publisher, product_id: ProductId, body: Step) -> ProductOut:
    """Agree to a draft, or have a product that is live say what is proposed."""
    return await done(core, shop, Author.of(by), living.approve, product_id, body.version)


@router.post("/{product_id}/rejection")
async def reject(core: CoreDep, shop: ShopDep, by: Publisher, product_id: ProductId, body: RejectionIn) -> ProductOut:
    """Not agree to what was submitted, and say why."""
    return await done(core, shop, Author.of(by), living.reject, product_id, body.version, body.reason)


@router.post("/{product_id}/publication")
async def publish(
    core: CoreDep, shop: ShopDep, by: Publisher, product_id: ProductId, body: PublicationIn
) -> ProductOut:
    """Have shoppers find and buy a product, at once or from a date on."""
    return await done(core, shop, Author.of(by), living.publish, product_id, body.version, at=body.at)


@router.post("/{product_id}/unpublication")
async def unpublish(core: CoreDep, shop: ShopDep, by: Publisher, product_id: ProductId, body: Step) -> ProductOut:
    """Take a product out of the shop, or the date away on which it would be published."""
    return await done(core, shop, Author.of(by), living.unpublish, product_id, body.version)


@router.post("/{product_id}/archiving")
async def archive(core: CoreDep, shop: ShopDep, by: Publisher, product_id: ProductId, body: Step) -> ProductOut:
    """Sell a product no more."""
    return await done(core, shop, Author.of(by), living.archive, product_id, body.version)
