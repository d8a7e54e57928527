"""Brands over HTTP, for staff."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, status

from commerce.catalog.brands import service
from commerce.catalog.brands.schemas import BrandChange, BrandIn, BrandList, BrandOut
from commerce.catalog.schemas import Page
from commerce.http import CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from commerce.paging import page_of, place_of
from foundation.types import Slug

router = APIRouter(prefix="/v1/admin/brands", tags=["catalogue"])
Reader = Annotated[Staff, Depends(staff("catalog:read"))]
Writer = Annotated[Staff, Depends(staff("catalog:write"))]
BrandSlug = Annotated[Slug, Path()]


@router.get("")
async def list_brands(core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[Page, Query()]) -> BrandList:
    """The brands of what is sold."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await service.page(tx, place_of(query.cursor), query.limit + 1)
    return BrandList(**page_of(found, query.limit))


@router.post("", status_code=status.HTTP_201_CREATED)
async def add(core: CoreDep, shop: ShopDep, _: Writer, body: BrandIn) -> BrandOut:
    """A new brand."""
    async with core.database.tx(shop.id) as tx:
        return await service.add(tx, body)


@router.get("/{slug}")
async def read(core: CoreDep, shop: ShopDep, _: Reader, slug: BrandSlug) -> BrandOut:
    """A brand."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.read(tx, slug)


@router.put("/{slug}")
async def change(core: CoreDep, shop: ShopDep, _: Writer, slug: BrandSlug, body: BrandChange) -> BrandOut:
    """Name a brand and all its products anew, or give it another address."""
    async with core.database.tx(shop.id) as tx:
        return await service.change(tx, slug, body)


@router.delete("/{slug}", status_code=status.HTTP_204_NO_CONTENT)
async def remove(core: CoreDep, shop: ShopDep, _: Writer, slug: BrandSlug) -> None:
    """Take a brand away that no product is of."""
    async with core.database.tx(shop.id) as tx:
        await service.remove(tx, slug)
