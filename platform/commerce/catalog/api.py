"""The catalogue over HTTP."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from commerce.catalog import handles, hearing, places, service, suggesting
from commerce.catalog.answering import shown
from commerce.catalog.facet_names import KnownNames
from commerce.catalog.listing import listed
from commerce.catalog.schemas import (
    CategoryList,
    Comparison,
    ComparisonQuery,
    Listing,
    ProductDetail,
    ProductList,
    ProductQuery,
    SearchQuery,
    SearchResults,
    SuggestionList,
    SuggestionQuery,
    VoiceIn,
    VoiceOut,
)
from commerce.deciding import DecisionClient
from commerce.http import CoreDep, PresentShopper, ShopDep, cacheable, decode_cursor, here
from commerce.policies import areas
from commerce.tenancy.service import Shop
from foundation.access import ANYONE, needs
from foundation.http import model_bytes

router = APIRouter(prefix="/v1/store", tags=["catalogue"], route_class=areas.within(areas.BROWSING))


@router.get("/products", response_model=Listing | ProductList)
@needs(ANYONE)
async def list_products(request: Request, query: Annotated[ProductQuery, Query()]) -> Response:
    """Products, best sellers first, at the caller's prices.

    With `filter`, `sort` or `facets` it is a `Listing`: of the whole result, with what it can be narrowed down by. So
    is a category that a rule of the shop's staff is about, in the order that the rule wants.
    """
    core, shop = await here(request)
    if not query.is_plain or await _is_steered(request, shop, query):
        return await listed(request, core, shop, query, within=query.category)
    since = core.kept.since(shop)
    after = decode_cursor(query.cursor) if query.cursor else None
    return await shown(
        request,
        core,
        shop,
        lambda shopper: service.list_products(
            core.database, shop, shopper, category=query.category, after=after, limit=query.limit
        ),
        since,
    )


@router.get("/products/{key}", response_model=ProductDetail)
@needs(ANYONE)
async def get_product(request: Request, key: Annotated[str, Path(max_length=200)]) -> Response:
    """One product, by its handle or id, at the caller's prices; a handle that it had before leads to its own (301)."""
    core, shop = await here(request)
    since = core.kept.since(shop)
    try:
        return await shown(
            request,
            core,
            shop,
            lambda shopper: service.product(core.database, shop, key, shopper),
            since,
            about=service.id_of,
        )
    except service.ProductNotFound:
        async with core.database.tx(shop.id, read_only=True) as tx:
            moved = await handles.moved_to(tx, key)
        if moved is None:
            raise
        return RedirectResponse(request.url.replace(path=f"{router.prefix}/products/{moved}"), status_code=301)


@router.get("/comparison", response_model=Comparison)
@needs(ANYONE)
async def compare_products(
    request: Request,
    core: CoreDep,
    shop: ShopDep,
    shopper: PresentShopper,
    query: Annotated[ComparisonQuery, Query()],
) -> Response:
    """Two to four products side by side, at the caller's prices."""
    compared = await service.comparison(core.database, shop, shopper, query.product)
    return cacheable(request, model_bytes(compared), whose="private", vary="Host, Authorization, Cookie")


@router.get("/categories", response_model=CategoryList)
@needs(ANYONE)
async def list_categories(request: Request, core: CoreDep, shop: ShopDep) -> Response:
    """The departments and the categories in them."""
    return cacheable(request, await service.categories(core.database, shop))


@router.get("/search", response_model=SearchResults)
@needs(ANYONE)
async def search_products(
    request: Request, core: CoreDep, shop: ShopDep, query: Annotated[SearchQuery, Query()]
) -> Response:
    """Products by words and meaning, at the caller's prices; what was read otherwise than typed is told.

    The shop's own full-text search answers where there is no index, and says so as `fallback`.
    """
    return await listed(request, core, shop, query, within=query.category, words=query.q)


@router.get("/suggest", response_model=SuggestionList)
@needs(ANYONE)
async def suggest(
    request: Request, core: CoreDep, shop: ShopDep, query: Annotated[SuggestionQuery, Query()]
) -> Response:
    """What somebody who has typed this may be about to ask for: queries, categories, brands, products.

    Each word is found as it was typed, the last as a beginning; from the third letter on a slip is mended.
    """
    since = core.kept.since(shop)
    answer = await suggesting.decide(cast("DecisionClient", request.app.state.decisions), shop, typed=query.q)
    return await shown(
        request,
        core,
        shop,
        lambda shopper: suggesting.suggested(core.database, shop, shopper, answer, typed=query.q),
        # What fills in for the service is not given any longer than it has to.
        None if answer is None else since,
    )


async def _is_steered(request: Request, shop: Shop, query: ProductQuery) -> bool:
    """Whether a category's list is in an order of the service's. A list goes on in the order that it began in."""
    if query.category is None:
        return False
    if query.cursor is not None:
        return places.is_one(query.cursor)
    names = await cast("KnownNames", request.app.state.facet_names).of(shop)
    return names.is_steered(query.category)


@router.post("/search/voice")
@needs(ANYONE)
async def search_by_voice(request: Request, shop: ShopDep, body: VoiceIn) -> VoiceOut:
    """What somebody said, out of what the browser's speech recogniser heard: search for its `query`.

    An alternative that products have the words of wins over one that merely sounds like it.
    """
    return await hearing.understood(cast("DecisionClient", request.app.state.decisions), shop, body.alternatives)
