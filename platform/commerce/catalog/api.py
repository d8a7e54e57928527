"""The catalogue over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from commerce.catalog import service
from commerce.catalog.schemas import CategoryList, ProductDetail, ProductList, ProductQuery, SearchQuery
from commerce.http import CoreDep, ShopDep, cacheable, decode_cursor
from foundation.http import json_bytes

router = APIRouter(prefix="/v1/store", tags=["catalogue"])


@router.get("/products", response_model=ProductList)
async def list_products(
    request: Request, core: CoreDep, shop: ShopDep, query: Annotated[ProductQuery, Query()]
) -> Response:
    """Products, best sellers first."""
    since = core.kept.since(shop)
    after = decode_cursor(query.cursor) if query.cursor else None
    body = await service.list_products(core.database, shop, category=query.category, after=after, limit=query.limit)
    response = cacheable(request, body)
    core.kept.keep(since, request.scope, response, about=None)
    return response


@router.get("/products/{key}", response_model=ProductDetail)
async def get_product(
    request: Request, core: CoreDep, shop: ShopDep, key: Annotated[str, Path(max_length=200)]
) -> Response:
    """One product, by its handle or id."""
    since = core.kept.since(shop)
    body = await service.product(core.database, shop, key)
    response = cacheable(request, body)
    core.kept.keep(since, request.scope, response, about=service.id_of(body))
    return response


@router.get("/categories", response_model=CategoryList)
async def list_categories(request: Request, core: CoreDep, shop: ShopDep) -> Response:
    """The departments and the categories in them."""
    return cacheable(request, await service.categories(core.database, shop))


@router.get("/search", response_model=ProductList)
async def search_products(core: CoreDep, shop: ShopDep, query: Annotated[SearchQuery, Query()]) -> Response:
    """Products by words."""
    after = decode_cursor(query.cursor) if query.cursor else None
    return json_bytes(await service.search(core.database, shop, words=query.q, after=after, limit=query.limit))
