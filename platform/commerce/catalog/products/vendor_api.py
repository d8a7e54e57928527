"""A vendor's own products over HTTP: what they write, staff agree to."""

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
    Step,
    VendorProductsQuery,
)
from commerce.http import CoreDep, ShopDep, VendorDesk, vendor_desk
from commerce.paging import LAST, page_of, place_of
from foundation.types import Id

router = APIRouter(prefix="/v1/vendor/products", tags=["vendor"])
Reader = Annotated[VendorDesk, Depends(vendor_desk("catalog:read"))]
Writer = Annotated[VendorDesk, Depends(vendor_desk("catalog:write"))]
ProductId = Annotated[Id, Path()]


def _author(by: VendorDesk) -> Author:
    return Author(by.staff.principal, vendor_id=by.vendor_id)


@router.get("")
async def list_products(
    core: CoreDep, shop: ShopDep, by: Reader, query: Annotated[VendorProductsQuery, Query()]
) -> ProductRowList:
    """The vendor's products, the newest first."""
    asked = ProductsQuery(status=query.status, q=query.q, limit=query.limit)
    place = place_of(query.cursor, LAST)
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await listing.page(tx, asked, place, currency=shop.currency, vendor_id=by.vendor_id)
    return ProductRowList(**page_of(found, query.limit))


@router.post("", status_code=status.HTTP_201_CREATED)
async def create(core: CoreDep, shop: ShopDep, by: Writer, body: ProductIn) -> ProductOut:
    """A new draft of the vendor's."""
    return await made(core, shop, _author(by), writing.create, body)


@router.get("/{product_id}")
async def read(core: CoreDep, shop: ShopDep, by: Reader, product_id: ProductId) -> ProductOut:
    """A product of the vendor's, and what is proposed of it."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await reading.read(tx, product_id, currency=shop.currency, vendor_id=by.vendor_id)


@router.put("/{product_id}")
async def change(core: CoreDep, shop: ShopDep, by: Writer, product_id: ProductId, body: ProductChange) -> ProductOut:
    """Have a draft say something else, or propose it of a product that is live."""
    return await done(core, shop, _author(by), writing.change, product_id, body.version, body)


@router.post("/{product_id}/copies", status_code=status.HTTP_201_CREATED)
async def clone(core: CoreDep, shop: ShopDep, by: Writer, product_id: ProductId) -> ProductOut:
    """A new draft that says what a product of the vendor's says, at an address and under SKUs of its own."""
    return await made(core, shop, _author(by), writing.clone, product_id)


@router.get("/{product_id}/changes")
async def list_changes(core: CoreDep, shop: ShopDep, by: Reader, product_id: ProductId) -> Differences:
    """What the product, or what is proposed of it, says otherwise than the version that was approved last."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        row = await reading.row_of(tx, product_id, currency=shop.currency, vendor_id=by.vendor_id)
        return await history.changes(tx, row)


@router.post("/{product_id}/submission")
async def submit(core: CoreDep, shop: ShopDep, by: Writer, product_id: ProductId, body: Step) -> ProductOut:
    """Ask the shop's staff for a review."""
    return await done(core, shop, _author(by), living.submit, product_id, body.version)


@router.post("/{product_id}/withdrawal")
async def withdraw(core: CoreDep, shop: ShopDep, by: Writer, product_id: ProductId, body: Step) -> ProductOut:
    """Take back what was submitted, or throw a proposal away."""
    return await done(core, shop, _author(by), living.withdraw, product_id, body.version)
