"""Attributes and types of product over HTTP, for staff."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, status

from commerce.catalog.attributes import service, types
from commerce.catalog.attributes.schemas import (
    AttributeChange,
    AttributeCode,
    AttributeIn,
    AttributeList,
    AttributeOut,
    ProductTypeChange,
    ProductTypeIn,
    ProductTypeList,
    ProductTypeOut,
)
from commerce.catalog.schemas import Page
from commerce.http import CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from commerce.paging import page_of, place_of
from foundation.types import Slug

router = APIRouter(prefix="/v1/admin", tags=["catalogue"])
Reader = Annotated[Staff, Depends(staff("catalog:read"))]
Writer = Annotated[Staff, Depends(staff("catalog:write"))]
Code = Annotated[AttributeCode, Path()]
TypeCode = Annotated[Slug, Path()]


@router.get("/attributes")
async def list_attributes(core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[Page, Query()]) -> AttributeList:
    """What can be said of products."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await service.page(tx, place_of(query.cursor), query.limit + 1)
    return AttributeList(**page_of(found, query.limit))


@router.post("/attributes", status_code=status.HTTP_201_CREATED)
async def add_attribute(core: CoreDep, shop: ShopDep, _: Writer, body: AttributeIn) -> AttributeOut:
    """A new attribute."""
    async with core.database.tx(shop.id) as tx:
        return await service.add(tx, body)


@router.get("/attributes/{code}")
async def read_attribute(core: CoreDep, shop: ShopDep, _: Reader, code: Code) -> AttributeOut:
    """An attribute."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.read(tx, code)


@router.put("/attributes/{code}")
async def change_attribute(core: CoreDep, shop: ShopDep, _: Writer, code: Code, body: AttributeChange) -> AttributeOut:
    """Name an attribute anew, give it other choices, retire it or bring it back."""
    async with core.database.tx(shop.id) as tx:
        return await service.change(tx, code, body)


@router.delete("/attributes/{code}", status_code=status.HTTP_204_NO_CONTENT)
async def remove_attribute(core: CoreDep, shop: ShopDep, _: Writer, code: Code) -> None:
    """Take an attribute away that no type of product has."""
    async with core.database.tx(shop.id) as tx:
        await service.remove(tx, code)


@router.get("/product-types")
async def list_types(core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[Page, Query()]) -> ProductTypeList:
    """The types of product, each with its attributes."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await types.page(tx, place_of(query.cursor), query.limit + 1)
    return ProductTypeList(**page_of(found, query.limit))


@router.post("/product-types", status_code=status.HTTP_201_CREATED)
async def add_type(core: CoreDep, shop: ShopDep, _: Writer, body: ProductTypeIn) -> ProductTypeOut:
    """A new type of product."""
    async with core.database.tx(shop.id) as tx:
        return await types.add(tx, body)


@router.get("/product-types/{code}")
async def read_type(core: CoreDep, shop: ShopDep, _: Reader, code: TypeCode) -> ProductTypeOut:
    """A type of product."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await types.read(tx, code)


@router.put("/product-types/{code}")
async def change_type(
    core: CoreDep, shop: ShopDep, _: Writer, code: TypeCode, body: ProductTypeChange
) -> ProductTypeOut:
    """Name a type anew, and say which attributes its products have."""
    async with core.database.tx(shop.id) as tx:
        return await types.change(tx, code, body)


@router.delete("/product-types/{code}", status_code=status.HTTP_204_NO_CONTENT)
async def remove_type(core: CoreDep, shop: ShopDep, _: Writer, code: TypeCode) -> None:
    """Take a type away that no product is of."""
    async with core.database.tx(shop.id) as tx:
        await types.remove(tx, code)
