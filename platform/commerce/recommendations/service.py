"""Recommendations for a page.

The decision service decides within a deadline and logs what it decided. When it can't be reached the shop shows its
best sellers: the answer says so, and the page never waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import orjson
import structlog
from pydantic import ValidationError

from commerce.catalog import service as catalog
from commerce.identity.service import Shopper
from commerce.tenancy.service import Shop
from foundation.database import Database
from foundation.decisions import Placement, RecommendationRequest, Recommendations
from foundation.ids import new_id

log = structlog.get_logger(__name__)

NETWORK_ALLOWANCE_MS = 50
"""What the way there and back may add to the service's own deadline."""


@dataclass(frozen=True, slots=True)
class Asked:
    """For whom, where, and in the light of which products."""

    placement: Placement
    shopper: Shopper | None
    context: Sequence[UUID]
    exclude: Sequence[UUID]
    limit: int


@dataclass(frozen=True, slots=True)
class DecisionClient:
    """The way to the decision service."""

    http: httpx.AsyncClient
    url: str | None
    token: str | None
    deadline_ms: int

    async def recommend(self, shop: Shop, asked: Asked) -> Recommendations | None:
        """The service's decision, or `None` when it gave none in time."""
        if self.url is None:
            return None
        shopper = asked.shopper if asked.shopper and "personalisation" in asked.shopper.consent else None
        body = RecommendationRequest(
            tenant_id=shop.id,
            placement=asked.placement,
            shopper_id=shopper.customer_id if shopper else None,
            visitor_id=shopper.visitor_id if shopper else None,
            session_id=shopper.session_id if shopper else None,
            context_product_ids=list(asked.context)[:100],
            exclude_product_ids=list(asked.exclude)[:500],
            limit=asked.limit,
            deadline_ms=self.deadline_ms,
        )
        try:
            async with asyncio.timeout((self.deadline_ms + NETWORK_ALLOWANCE_MS) / 1000):
                response = await self.http.post(
                    f"{self.url}/v1/decisions/recommendations",
                    content=body.model_dump_json(),
                    headers={"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"},
                )
                response.raise_for_status()
                return Recommendations.model_validate_json(response.content)
        except (httpx.HTTPError, TimeoutError, ValidationError) as fault:
            log.warning("decision_service.unreachable", error=str(fault) or type(fault).__name__)
            return None


async def recommend(database: Database, client: DecisionClient, shop: Shop, asked: Asked) -> bytes:
    """The products to show: `RecommendationsOut` as JSON.

    A service that decided and knows no product of the shop (no model yet) leaves the choice to the shop; the decision
    stays the service's.
    """
    decision = await client.recommend(shop, asked)
    if decision is None or not decision.items:
        return _joined(_fallback(asked, decision), await _best_sellers(database, shop, asked))
    cards = await catalog.cards(database, shop, asked.shopper, [item.product_id for item in decision.items])
    return _joined(decision.model_dump(mode="json", exclude={"items"}), cards)


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


def _joined(head: dict[str, Any], cards: bytes) -> bytes:
    return orjson.dumps(head)[:-1] + b"," + cards.lstrip()[1:]
