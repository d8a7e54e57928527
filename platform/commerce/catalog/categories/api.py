"""The tree of categories over HTTP, for staff."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, status

from commerce.catalog.categories import service
from commerce.catalog.categories.schemas import (
    CategoriesQuery,
    CategoryChange,
    CategoryDetail,
    CategoryIn,
    CategoryNodeList,
)
from commerce.http import CoreDep, ShopDep, decode_cursor, encode_cursor, staff
from commerce.identity.staff import Staff
from foundation import audit
from foundation.types import Id

router = APIRouter(prefix="/v1/admin/categories", tags=["catalogue"])
Reader = Annotated[Staff, Depends(staff("catalog:read"))]
Writer = Annotated[Staff, Depends(staff("catalog:write"))]
CategoryId = Annotated[Id, Path()]


@router.get("")
async def list_categories(
    core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[CategoriesQuery, Query()]
) -> CategoryNodeList:
    """The tree level by level, those without products too; one level of it with `roots` or `parent_id`."""
    after = decode_cursor(query.cursor) if query.cursor else None
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await service.page(tx, query, after)
    shown, has_more = found[: query.limit], len(found) > query.limit
    cursor = encode_cursor(shown[-1].depth, shown[-1].id) if has_more else None
    return CategoryNodeList(items=shown, has_more=has_more, next_cursor=cursor)


@router.post("", status_code=status.HTTP_201_CREATED)
async def add(core: CoreDep, shop: ShopDep, _: Writer, body: CategoryIn) -> CategoryDetail:
    """A new category."""
    async with core.database.tx(shop.id) as tx:
        made = await service.add(tx, body)
        audit.made("category", made)
        return await service.read(tx, made)


@router.get("/{category_id}")
async def read(core: CoreDep, shop: ShopDep, _: Reader, category_id: CategoryId) -> CategoryDetail:
    """A category, and where it is."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.read(tx, category_id)


@router.put("/{category_id}")
async def change(
    core: CoreDep, shop: ShopDep, _: Writer, category_id: CategoryId, body: CategoryChange
) -> CategoryDetail:
    """Name a category, give it an address, or move it with all that is below it."""
    async with core.database.tx(shop.id) as tx:
        await service.change(tx, category_id, body)
        return await service.read(tx, category_id)


@router.delete("/{category_id}", status_code=status.HTTP_204_NO_CONTENT)
async def remove(core: CoreDep, shop: ShopDep, _: Writer, category_id: CategoryId) -> None:
    """Take a category away that nothing is in."""
    async with core.database.tx(shop.id) as tx:
        await service.remove(tx, category_id)
