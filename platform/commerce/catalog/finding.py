"""Products by what somebody types: the decision service puts them in order, or the shop's own full-text search does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from commerce.catalog import service
from commerce.catalog.prices import Shown
from commerce.catalog.service import Place
from commerce.deciding import DecisionClient
from commerce.http import encode_cursor
from commerce.identity.service import Shopper
from commerce.tenancy.service import Shop
from foundation.database import Database
from foundation.search import LONGEST_QUERY, SearchAnswer, SearchRequest

_BY_PLACE = UUID(int=0)
"""The id in a cursor that counts places in the service's order; those of the full-text search have a product's."""


async def decide(client: DecisionClient, shop: Shop, *, words: str, after: Place | None) -> SearchAnswer | None:
    """The service's answer; `None` where it gave none in time, or where a list goes on that the shop itself began."""
    asked = " ".join(words.split())[:LONGEST_QUERY]
    if not asked or (after is not None and after[1] != _BY_PLACE):
        return None
    request = SearchRequest(tenant_id=shop.id, query=asked, deadline_ms=client.deadline_ms)
    return await client.ask("search", request, SearchAnswer)


async def found(
    database: Database,
    shop: Shop,
    shopper: Shopper | None,
    answer: SearchAnswer | None,
    *,
    words: str,
    after: Place | None,
    limit: int,
) -> Shown:
    """A page of the products that answer, at this shopper's prices: `SearchResults` as JSON.

    A page of the service's order is empty when the service can't give that order any more.
    """
    by_place = after is not None and after[1] == _BY_PLACE
    if answer is None or answer.fallback is not None:
        place = None if by_place else after
        shown = (
            service.NOTHING
            if by_place
            else await service.search(database, shop, shopper, words=words, after=place, limit=limit)
        )
        return _with(shown, _read(answer, words))
    first = after[0] if after is not None else 0
    ids = [item.product_id for item in answer.items[first : first + limit]]
    shown = await service.cards_shown(database, shop, shopper, ids) if ids else service.NOTHING
    more = first + limit < len(answer.items)
    cursor = encode_cursor(first + limit, _BY_PLACE) if more else None
    return _with(shown, {"has_more": more, "next_cursor": cursor, **_read(answer, words)})


def _read(answer: SearchAnswer | None, words: str) -> Mapping[str, Any]:
    if answer is None:
        return {
            "decision_id": None,
            "query": words,
            "corrected": {},
            "relaxed": [],
            "fallback": "full_text",
            "fallback_reason": "service_unreachable",
        }
    return answer.model_dump(mode="json", exclude={"items", "policy"})


def _with(shown: Shown, told: Mapping[str, Any]) -> Shown:
    """The page with what is told of the search."""
    return Shown(orjson.dumps({**orjson.loads(shown.body), **told}), shown.until, shown.personal)
