"""Recommendations for a page.

The decision service decides within a deadline and logs what it decided. When it can't be reached the shop shows its
best sellers: the answer says so, and the page never waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from commerce.catalog import service as catalog
from commerce.deciding import DecisionClient, dressed
from commerce.identity.service import Shopper
from commerce.tenancy.service import Shop
from foundation.database import Database
from foundation.decisions import Placement, RecommendationRequest, Recommendations
from foundation.ids import new_id


@dataclass(frozen=True, slots=True)
class Asked:
    """For whom, where, and in the light of which products."""

    placement: Placement
    shopper: Shopper | None
    context: Sequence[UUID]
    exclude: Sequence[UUID]
    limit: int


async def recommend(database: Database, client: DecisionClient, shop: Shop, asked: Asked) -> bytes:
    """The products to show: `RecommendationsOut` as JSON.

    A service that decided and knows no product of the shop (no model yet) leaves the choice to the shop; the decision
    stays the service's.
    """
    decision = await client.ask("recommendations", request_of(client, shop, asked), Recommendations)
    if decision is None or not decision.items:
        return dressed(_fallback(asked, decision), await _best_sellers(database, shop, asked))
    cards = await catalog.cards(database, shop, asked.shopper, [item.product_id for item in decision.items])
    return dressed(decision.model_dump(mode="json", exclude={"items"}), cards)


def request_of(client: DecisionClient, shop: Shop, asked: Asked) -> RecommendationRequest:
    """What the service is asked: of whoever did not agree to personalisation it learns nothing."""
    shopper = asked.shopper if asked.shopper and "personalisation" in asked.shopper.consent else None
    return RecommendationRequest(
        tenant_id=shop.id,
        placement=asked.placement,
        shopper_id=shopper.customer_id if shopper else None,
        visitor_id=shopper.visitor_id if shopper else None,
        session_id=shopper.session_id if shopper else None,
        context_product_ids=list(asked.context)[:100],
        exclude_product_ids=list(asked.exclude)[:500],
        limit=asked.limit,
        deadline_ms=client.deadline_ms,
    )


def _fallback(asked: Asked, decision: Recommendations | None) -> dict[str, Any]:
    head = {"placement": asked.placement, "policy": "popular", "model_version": None, "fallback": "popular"}
    if decision is None:
        return {**head, "decision_id": str(new_id()), "fallback_reason": "service_unreachable"}
    reason = decision.fallback_reason or "nothing_to_show"
    return {**head, "decision_id": str(decision.decision_id), "fallback_reason": reason}


async def _best_sellers(database: Database, shop: Shop, asked: Asked) -> bytes:
    limit = min(100, asked.limit * 2)
    best = await catalog.list_products(database, shop, asked.shopper, category=None, after=None, limit=limit)
    page = orjson.loads(best.body)
    skip = {str(product_id) for product_id in (*asked.exclude, *asked.context)}
    wanted = [card for card in page["items"] if card["id"] not in skip and card["available"]]
    return orjson.dumps({"items": wanted[: asked.limit]})
