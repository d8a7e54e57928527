"""Looking around: the home page, a category, a product, a search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import Field, StringConstraints
from starlette.responses import RedirectResponse, Response

from commerce.catalog import finding, handles
from commerce.catalog import service as catalog
from commerce.catalog.collections import showing as collections
from commerce.catalog.facet_names import FacetNames, KnownNames
from commerce.catalog.links import service as links
from commerce.catalog.schemas import (
    ComparisonQuery,
    Listing,
    ProductCard,
    ProductDetail,
    ProductList,
    SearchResults,
    Spoken,
)
from commerce.deciding import DecisionClient
from commerce.http import ShopDep, front_of
from commerce.policies import areas
from commerce.reviews.schemas import Order
from foundation.access import ANYONE, needs
from foundation.events import Item, Search, ViewItem
from foundation.search import PRICE, Sort
from storefront import reviewing, theme
from storefront.choosing import looked_at, media_of, options_of
from storefront.departments import TILES
from storefront.filtering import ARRANGED, Address, only_in, price_filter, side_of
from storefront.forms import id_or_none
from storefront.rails import browser_event, list_event, rail
from storefront.visit import Visit, VisitDep

PAGE = 24
BEST_SELLERS = 12
_MAX_WORDS = 200
BESIDE = {"up_sell": "You may rather want", "cross_sell": "To go with it", "related": "More like it"}
"""What staff have put beside a product, in the order of the page."""

Cursor = Annotated[str | None, Query(max_length=200)]
router = APIRouter(route_class=areas.within(areas.BROWSING))


class Looked(Spoken):
    """How a list is looked at, as its address has it."""

    filter: Annotated[list[Annotated[str, StringConstraints(max_length=420)]], Field(max_length=200)] = Field(
        default_factory=list
    )
    sort: Sort | None = None
    cursor: Annotated[str, StringConstraints(max_length=200)] | None = None
    least: Annotated[str, StringConstraints(max_length=20)] = ""
    """The lowest price that somebody typed, in whole units of the currency."""
    most: Annotated[str, StringConstraints(max_length=20)] = ""

    @property
    def types_prices(self) -> bool:
        """Whether somebody typed prices: the address is then to say so as any other filter."""
        return bool(self.least or self.most)


class Typed(Looked):
    """What is searched for."""

    q: Annotated[str, StringConstraints(max_length=_MAX_WORDS)] = ""


@router.get("/")
async def home(visit: VisitDep) -> Response:
    """What this shopper may want today, what everybody buys, and the way to the rest."""
    database, shop = visit.core.database, visit.shop
    best = await catalog.list_products(database, shop, visit.shopper, category=None, after=None, limit=BEST_SELLERS)
    listed = ProductList.model_validate_json(best.body)
    settings = shop.settings.get("storefront")
    return visit.page(
        "home.html",
        rail=await rail(visit, "home"),
        best=listed.items,
        best_event=list_event("best-sellers", listed.items),
        departments=visit.tree.roots[:TILES],
        pictures=visit.tree.pictures,
        collections=visit.tree.collections[:TILES],
        hero=settings if isinstance(settings, dict) else {},
    )


@router.get("/c/{slug}")
async def category(
    visit: VisitDep,
    slug: Annotated[str, Path(max_length=200)],
    query: Annotated[Looked, Query()],
) -> Response:
    """A category's products, best sellers first, and what they can be narrowed down by."""
    found = visit.tree.find(slug)
    address = _address(visit, query, f"/c/{slug}")
    if query.types_prices:
        return visit.redirect(str(address))
    asked = finding.read(
        await _names_of(visit),
        within=slug,
        filters=query.filter,
        sort=query.sort,
        cursor=query.cursor,
        limit=PAGE,
        facets=True,
    )
    listed = Listing.model_validate_json(await _found(visit, asked))
    return visit.page(
        "category.html",
        category=found,
        trail=visit.tree.trail(found),
        below=visit.tree.children.get(found.id, ()),
        listed=listed,
        side=side_of(listed, address, visit.shop.currency, slug),
        cursor=query.cursor,
        event=list_event(f"category:{slug}"[:200], listed.items),
    )


@router.get("/collections/{handle}")
async def collection(
    visit: VisitDep, handle: Annotated[str, Path(max_length=200)], query: Annotated[Looked, Query()]
) -> Response:
    """A collection's products, in its order, and what they can be narrowed down by."""
    address = _address(visit, query, f"/collections/{handle}")
    if query.types_prices:
        return visit.redirect(str(address))
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        found = await collections.read(tx, visit.shop, handle)
        kept = await collections.kept(tx, handle, arranged=bool(query.filter))
    asked = finding.read(
        await _names_of(visit),
        filters=query.filter,
        sort=query.sort,
        cursor=query.cursor,
        limit=PAGE,
        facets=True,
        kept=kept,
    )
    listed = Listing.model_validate_json(await _found(visit, asked))
    return visit.page(
        "collection.html",
        collection=found,
        listed=listed,
        side=side_of(listed, address, visit.shop.currency, best=ARRANGED),
        cursor=query.cursor,
        event=list_event(f"collection:{handle}"[:200], listed.items),
    )


@router.get("/p/{handle}")
async def product(
    visit: VisitDep,
    handle: Annotated[str, Path(max_length=200, pattern=r"^[^\x00]+$")],
    d: Annotated[str | None, Query(max_length=100)] = None,
    v: Annotated[str | None, Query(max_length=100)] = None,
    order: Order = "newest",
    stars: Annotated[int | None, Query(ge=1, le=5)] = None,
    after: Cursor = None,
) -> Response:
    """A product; `d` is the decision whose row it was chosen from, `v` the variant that is looked at, and the rest says
    which of its reviews.
    """
    try:
        shown = await catalog.product(visit.core.database, visit.shop, handle, visit.shopper)
    except catalog.ProductNotFound:
        return await _moved(visit, handle)
    detail = ProductDetail.model_validate_json(shown.body)
    decision_id = id_or_none(d)
    at = looked_at(detail, id_or_none(v))
    reviews = await reviewing.shown(visit, detail, order=order, stars=stars, after=after)
    return visit.page(
        "product.html",
        product=detail,
        media=media_of(detail, at),
        at=at,
        options=options_of(detail, at),
        beside=await _beside(visit, detail.id),
        reviews=reviews,
        structured=reviewing.structured(detail, reviews.list, front_of(visit.request, visit.shop)),
        decision_id=decision_id,
        rail=await rail(visit, "product", detail.id),
        event=_viewed(detail, visit, decision_id),
    )


async def _moved(visit: Visit, handle: str) -> Response:
    """On to the page of the product that had this address before.

    Raises:
        ProductNotFound: none had.
    """
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        found = await handles.moved_to(tx, handle)
    if found is None:
        raise catalog.ProductNotFound
    url = visit.request.url.replace(path=f"/p/{found}")
    return visit.with_cookies(RedirectResponse(url, status_code=301))


@router.get("/compare")
async def compare(visit: VisitDep, query: Annotated[ComparisonQuery, Query()]) -> Response:
    """Products side by side."""
    comparison = await catalog.comparison(visit.core.database, visit.shop, visit.shopper, query.product)
    return visit.page("compare.html", comparison=comparison)


async def _beside(visit: Visit, product_id: UUID) -> list[tuple[str, Sequence[ProductCard], dict[str, Any]]]:
    """What staff have put beside a product: a title, the cards, and what the browser reports of them."""
    linked = await links.beside(visit.core.database, visit.shop, visit.shopper, product_id)
    shown = ((title, kind, getattr(linked, kind)) for kind, title in BESIDE.items())
    return [(title, cards, list_event(kind, cards)) for title, kind, cards in shown if cards]


@router.get("/search")
async def search(visit: VisitDep, query: Annotated[Typed, Query()]) -> Response:
    """Products by words and meaning, and what they can be narrowed down by."""
    words = query.q.strip()
    address = _address(visit, query, "/search", words)
    if query.types_prices:
        return visit.redirect(str(address))
    if not words:
        return visit.page("search.html", words=words, listed=None, only_in=(), searched={})
    asked = finding.read(
        await _names_of(visit),
        words=words,
        filters=query.filter,
        sort=query.sort,
        cursor=query.cursor,
        limit=PAGE,
        facets=True,
    )
    listed = SearchResults.model_validate_json(await _found(visit, asked))
    if listed.redirect is not None:
        return visit.redirect(listed.redirect)
    return visit.page(
        "search.html",
        words=words,
        listed=listed,
        side=side_of(listed, address, visit.shop.currency),
        only_in=only_in(listed, address),
        cursor=query.cursor,
        # Pages that follow, and what it is narrowed down to, are the same search.
        searched={} if query.cursor or query.filter else _searched(words, len(listed.items)),
        event=list_event("search", listed.items),
    )


@router.get("/shop/theme.css")
@needs(ANYONE)
async def theme_css(shop: ShopDep) -> Response:
    """The shop's own colours."""
    return Response(
        theme.stylesheet(shop.settings),
        media_type="text/css",
        headers={"Cache-Control": "public, max-age=300", "Vary": "Host"},
    )


async def _names_of(visit: Visit) -> FacetNames:
    """What the shop's facets are called."""
    return await cast("KnownNames", visit.request.app.state.facet_names).of(visit.shop)


async def _found(visit: Visit, asked: finding.Asked) -> bytes:
    decisions = cast("DecisionClient", visit.request.app.state.decisions)
    answer = await finding.decide(decisions, visit.shop, asked)
    shown = await finding.found_for(visit.core.database, decisions, visit.shop, visit.shopper, answer, asked)
    return shown.body


def _address(visit: Visit, query: Looked, path: str, words: str = "") -> Address:
    """Where the list is, with the prices that somebody typed as a filter."""
    typed = price_filter(query.least, query.most, visit.shop.currency)
    kept = [one for one in query.filter if not (typed and one.startswith(f"{PRICE}:"))]
    return Address(path, words, [*kept, typed] if typed else kept, query.sort)


def _viewed(detail: ProductDetail, visit: Visit, decision_id: UUID | None) -> dict[str, Any]:
    first = detail.variants[0] if detail.variants else None
    item = Item(item_id=detail.id, variant_id=first.id if first else None, price=first.price.amount if first else None)
    seen = ViewItem(items=[item], currency=visit.shop.currency)
    return browser_event(seen.name, seen.model_dump(mode="json", exclude_none=True), decision_id)


def _searched(words: str, results: int) -> dict[str, Any]:
    printable = "".join(character for character in words if character.isprintable()).strip()
    if not printable:
        return {}
    said = Search(search_term=printable, results=results)
    return browser_event(said.name, said.model_dump(mode="json", exclude_none=True))
