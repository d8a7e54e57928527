"""Products by what somebody types, or looks around in: the decision service finds and counts, or Postgres finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson

from commerce.catalog import narrowing, places, service
from commerce.catalog.categories.service import CategoryNotFound
from commerce.catalog.facet_names import FacetNames
from commerce.catalog.places import Place
from commerce.catalog.prices import Shown
from commerce.catalog.service import Narrowed
from commerce.deciding import DecisionClient, dressed
from commerce.http import decode_cursor
from commerce.identity.service import Shopper
from commerce.pricing import service as pricing
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.database import Database
from foundation.search import (
    BRAND,
    CATEGORY,
    COLLECTION,
    LONGEST_QUERY,
    VENDOR,
    After,
    Chosen,
    SearchAnswer,
    SearchRequest,
    Sort,
)

HOLDS = timedelta(seconds=2)
"""How long a decided list is everybody's. The service may learn of a change seconds after Postgres tells it, and what
it decided before is not to be given for long after."""
_NO_CARDS = Shown(b'{"items":[]}')
_HEEDED = frozenset({CATEGORY, BRAND, VENDOR, COLLECTION})
"""The facets that Postgres narrows a list down by as well."""
_UNCOUNTED: Mapping[str, Any] = {"total": None, "facets": [], "relaxable": []}
_KEPT_AS: Mapping[str, Sort] = {
    "best_selling": "popularity",
    "newest": "newest",
    "price_asc": "price_asc",
    "price_desc": "price_desc",
}
"""Orders of collections that the index knows. One by title is lost when it is narrowed down."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A collection as its list goes by it."""

    id: UUID
    sort: str
    """`Sort` of collections."""
    arranged: Sequence[UUID] = ()
    """Its products in the order that somebody gave them, where that is asked for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A list as it is asked for, read."""

    words: str
    within: UUID | None
    chosen: list[Chosen]
    sort: Sort
    digest: bytes
    after: Place | None
    limit: int
    facets: bool
    names: FacetNames = field(repr=False)
    kept: Kept | None = None
    """The collection that it is of."""

    @property
    def is_as_kept(self) -> bool:
        """Whether it is the whole of a collection in its own order, which Postgres keeps."""
        return self.kept is not None and not self.chosen and self.sort == "relevance"

    @property
    def indexed_sort(self) -> Sort:
        """By what the index puts it in order."""
        return _KEPT_AS.get(self.kept.sort, self.sort) if self.kept and self.sort == "relevance" else self.sort

    @property
    def is_search(self) -> bool:
        """Whether words were typed."""
        return bool(self.words)

    @property
    def narrowed(self) -> Narrowed:
        """What Postgres narrows it down by."""
        by = {one.facet: one.values for one in self.chosen}
        vendors = [UUID(one) for one in by.get(VENDOR, ())]
        collections = [str(self.kept.id)] if self.kept else by.get(COLLECTION)
        within = None if collections is None else [UUID(one) for one in collections]
        return Narrowed(self._categories(by.get(CATEGORY)), by.get(BRAND), vendors or None, within)

    @property
    def not_heeded(self) -> list[str]:
        """What it can't: facets, and `sort`."""
        heeded = _HEEDED - {COLLECTION} if self.kept else _HEEDED
        by_default: set[Sort] = {"relevance"} if self.is_search else {"relevance", "popularity"}
        return [
            *(one.facet for one in self.chosen if one.facet not in heeded),
            *([] if self.sort in by_default else ["sort"]),
        ]

    def _categories(self, chosen: Sequence[str] | None) -> Sequence[UUID] | None:
        within = None if self.within is None else self.names.below(self.within)
        if chosen is None:
            return None if within is None else sorted(within)
        below = set[UUID]().union(*(self.names.below(UUID(one)) for one in chosen))
        return sorted(below if within is None else below & within)


def read(
    names: FacetNames,
    *,
    words: str = "",
    within: str | None = None,
    filters: Sequence[str] = (),
    sort: Sort | None = None,
    cursor: str | None = None,
    limit: int = 24,
    facets: bool = False,
    kept: Kept | None = None,
) -> Asked:
    """What an address asks for: of a category, of a collection that is `kept`, or of all products.

    Raises:
        CategoryNotFound, MalformedCursor, CursorOfAnotherQuery.
        FilterMalformed, TooManyFilters, FacetUnknown, FacetValueUnknown.
    """
    typed = " ".join(words.split())[:LONGEST_QUERY]
    category = None if within is None else names.by_slug.get(within)
    if within is not None and category is None:
        raise CategoryNotFound
    found = narrowing.filters_of(filters)
    order: Sort = sort or "relevance"
    # No slug of a category has a colon.
    scope = within if kept is None else f"{COLLECTION}:{kept.id}"
    digest = places.question(typed, scope, [str(one) for one in found], order)
    return Asked(
        words=typed,
        within=category.id if category else None,
        chosen=narrowing.chosen_of(found, names),
        sort=order,
        digest=digest,
        after=places.read(cursor, digest) if cursor else None,
        limit=limit,
        facets=facets,
        names=names,
        kept=kept,
    )


async def decide(
    client: DecisionClient, shop: Shop, asked: Asked, *, price_group: str | None = None
) -> SearchAnswer | None:
    """The service's answer; `None` where it gave none in time, or where a list goes on that the shop itself began.

    `price_group` is the customer's, for whom the shop's rules may want another order.

    Raises:
        FacetUnknown, FacetValueUnknown: no product ever had what is chosen.
    """
    if asked.is_as_kept and not asked.facets:
        return None
    place = None if asked.is_as_kept else asked.after
    if place is not None and place.source == "full_text":
        return None
    request = SearchRequest(
        tenant_id=shop.id,
        query=asked.words,
        within=asked.within,
        collection=asked.kept.id if asked.kept else None,
        arranged=list(asked.kept.arranged) if asked.kept else [],
        chosen=asked.chosen,
        sort=asked.indexed_sort,
        after=None if place is None else After(key=float(place.key), product_id=place.product_id),
        limit=1 if asked.is_as_kept else asked.limit,
        facets=asked.facets,
        price_group=price_group,
        deadline_ms=client.deadline_ms,
    )
    answer = await client.ask("search", request, SearchAnswer)
    if answer is not None:
        narrowing.refuse(answer.unknown)
    return answer


async def found_for(
    database: Database,
    client: DecisionClient,
    shop: Shop,
    shopper: Shopper | None,
    answer: SearchAnswer | None,
    asked: Asked,
) -> Shown:
    """As `found`, of the answer that this shopper gets: `answer` is everybody's, and rules may be for a price group."""
    if answer is None or not answer.personal:
        return await found(database, shop, shopper, answer, asked)
    group = await _price_group_of(database, shop, shopper)
    theirs = answer if group is None else await decide(client, shop, asked, price_group=group)
    return replace(await found(database, shop, shopper, theirs, asked), personal=True)


async def _price_group_of(database: Database, shop: Shop, shopper: Shopper | None) -> str | None:
    if shopper is None or shopper.customer_id is None:
        return None
    async with database.tx(shop.id, read_only=True) as tx:
        return await pricing.group_of(tx, shopper.customer_id)


async def found(
    database: Database, shop: Shop, shopper: Shopper | None, answer: SearchAnswer | None, asked: Asked
) -> Shown:
    """A page of the products that answer, at this shopper's prices, as JSON: `SearchResults`, or else a `Listing`.

    A page of the service's order is empty when the service can't give that order any more.
    """
    if asked.is_as_kept:
        return await _as_kept(database, shop, shopper, answer, asked)
    if answer is None or answer.fallback is not None:
        shown = await _by_ourselves(database, shop, shopper, asked)
        return _with(shown, {**_UNCOUNTED, "not_applied": asked.not_heeded, **_read(answer, asked)}, asked)
    ids = [item.product_id for item in answer.items]
    shown = await service.cards_shown(database, shop, shopper, ids) if ids else _NO_CARDS
    last = answer.items[-1] if answer.has_more else None
    place = last and Place("index", last.score, last.product_id)
    page = {
        "has_more": answer.has_more,
        "next_cursor": place and places.written(place, asked.digest),
        "sort": asked.sort,
        **_counted(answer, asked),
        **_read(answer, asked),
    }
    until = clock.now() + HOLDS
    return replace(shown, body=dressed(page, shown.body), until=min(until, shown.until or until))


async def _as_kept(
    database: Database, shop: Shop, shopper: Shopper | None, answer: SearchAnswer | None, asked: Asked
) -> Shown:
    """A page of a collection in its own order, and what the service counts in all of it."""
    if asked.kept is None:
        raise ValueError("it is of no collection")
    after = None if asked.after is None else (int(asked.after.key), asked.after.product_id)
    shown = await service.list_collection(
        database, shop, shopper, collection_id=asked.kept.id, after=after, limit=asked.limit
    )
    if answer is None or answer.fallback is not None:
        return _with(shown, {**_UNCOUNTED, "not_applied": [], **_read(answer, asked)}, asked)
    until = clock.now() + HOLDS
    told = _with(shown, {**_counted(answer, asked), **_read(answer, asked)}, asked)
    return replace(told, until=min(until, told.until or until))


def _counted(answer: SearchAnswer, asked: Asked) -> dict[str, Any]:
    return {
        "total": answer.total,
        "facets": narrowing.facets_shown(answer.facets, asked.names, within=asked.kept.id if asked.kept else None),
        "relaxable": [one.model_dump() for one in answer.relaxable],
        "not_applied": [],
    }


async def _by_ourselves(database: Database, shop: Shop, shopper: Shopper | None, asked: Asked) -> Shown:
    place = asked.after
    if place is not None and place.source == "index":
        return service.NOTHING
    after = None if place is None else (int(place.key), place.product_id)
    if asked.is_search:
        return await service.search(
            database, shop, shopper, words=asked.words, after=after, limit=asked.limit, narrowed=asked.narrowed
        )
    return await service.list_narrowed(database, shop, shopper, narrowed=asked.narrowed, after=after, limit=asked.limit)


def _read(answer: SearchAnswer | None, asked: Asked) -> Mapping[str, Any]:
    how = ("query", "corrected", "relaxed", "recognised", "redirect") if asked.is_search else ()
    if answer is not None:
        told = ("decision_id", "fallback", "fallback_reason", *how)
        read = answer.model_dump(mode="json", include=set(told))
        if asked.is_search:
            read["recognised"] = narrowing.recognised_shown(answer.recognised, asked.names)
        return read
    unread: dict[str, Any] = {"query": asked.words, "corrected": {}, "relaxed": [], "recognised": [], "redirect": None}
    return {
        "decision_id": None,
        "fallback": "full_text",
        "fallback_reason": "service_unreachable",
        **{name: unread[name] for name in how},
    }


def _with(shown: Shown, told: Mapping[str, Any], asked: Asked) -> Shown:
    """A page of ours with what is told of the list, its cursor one of this list's."""
    page = {**orjson.loads(shown.body), "sort": asked.sort, **told}
    if page["next_cursor"]:
        key, product_id = decode_cursor(page["next_cursor"])
        page["next_cursor"] = places.written(Place("full_text", key, product_id), asked.digest)
    return Shown(orjson.dumps(page), shown.until, shown.personal)
