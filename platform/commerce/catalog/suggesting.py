"""What is suggested to somebody who types: by the decision service, or else by the shop's own full-text search."""

from __future__ import annotations

import orjson

from commerce.catalog import service
from commerce.catalog.prices import Shown
from commerce.deciding import DecisionClient
from commerce.identity.service import Shopper
from commerce.tenancy.service import Shop
from foundation.database import Database
from foundation.suggestions import Suggestions, SuggestionsRequest

PRODUCTS = 5


async def decide(client: DecisionClient, shop: Shop, *, typed: str) -> Suggestions | None:
    """The service's suggestions; `None` where it gave none in time."""
    request = SuggestionsRequest(tenant_id=shop.id, query=typed, products=PRODUCTS, deadline_ms=client.deadline_ms)
    return await client.ask("suggestions", request, Suggestions)


async def suggested(
    database: Database, shop: Shop, shopper: Shopper | None, answer: Suggestions | None, *, typed: str
) -> Shown:
    """The suggestions with their products at this shopper's prices: a `SuggestionList` as JSON.

    Products that are not for sale any more are left out.
    """
    if answer is None:
        shown = await service.search(database, shop, shopper, words=typed, after=None, limit=PRODUCTS)
        named = {"exact": True, "queries": [], "categories": [], "brands": []}
    else:
        shown = (
            await service.cards_shown(database, shop, shopper, answer.products) if answer.products else service.NOTHING
        )
        named = answer.model_dump(mode="json", exclude={"products"})
    fallback = "full_text" if answer is None else None
    told = {"query": typed, **named, "items": orjson.loads(shown.body)["items"], "fallback": fallback}
    return Shown(orjson.dumps(told), shown.until, shown.personal)
