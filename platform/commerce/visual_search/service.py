"""Products that look like a picture, or like another product.

The decision service decides within a deadline and logs what it decided. Where it can't tell, the shop shows what it has
otherwise, and the answer says so.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from uuid import UUID

import orjson

from commerce.catalog import service as catalog
from commerce.catalog.prices import Shown
from commerce.catalog.schemas import ProductDetail
from commerce.deciding import DecisionClient, dressed
from commerce.identity.service import Shopper
from commerce.tenancy.service import Shop
from foundation.database import Database
from foundation.ids import new_id
from foundation.visual import VisualAnswer, VisualRequest


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, where."""

    database: Database
    client: DecisionClient
    shop: Shop
    shopper: Shopper | None


async def by_picture(asking: Asking, picture: bytes, query: str | None, *, limit: int) -> bytes:
    """Products that look like a picture as `looking.read` gives it, and are what the words say: `LooksOut` as JSON."""
    request = VisualRequest(
        tenant_id=asking.shop.id,
        picture=base64.b64encode(picture),
        query=query,
        limit=limit,
        deadline_ms=asking.client.deadline_ms,
    )
    answer = await _decided(asking, request)
    if answer.fallback is None:
        return await _dressed(asking, answer)
    return _otherwise(answer, await _sold(asking, query, limit))


async def alike(asking: Asking, key: str, *, limit: int) -> bytes:
    """Other products that look like one, by its handle or id: `LooksOut` as JSON.

    Raises:
        ProductNotFound: there is none, or it is not published.
    """
    shown = await catalog.product(asking.database, asking.shop, key, asking.shopper)
    product = ProductDetail.model_validate_json(shown.body)
    request = VisualRequest(
        tenant_id=asking.shop.id, product_id=product.id, limit=limit, deadline_ms=asking.client.deadline_ms
    )
    answer = await _decided(asking, request)
    if answer.fallback is None:
        return await _dressed(asking, answer)
    within = product.breadcrumbs[-1].slug if product.breadcrumbs else None
    listed = await catalog.list_products(
        asking.database, asking.shop, asking.shopper, category=within, after=None, limit=limit + 1
    )
    return _otherwise(answer, listed, but=product.id, limit=limit)


async def _decided(asking: Asking, request: VisualRequest) -> VisualAnswer:
    answer = await asking.client.ask("visual", request, VisualAnswer)
    return answer or VisualAnswer(
        decision_id=new_id(),
        policy=request.fallback,
        fallback=request.fallback,
        fallback_reason="service_unreachable",
        items=[],
    )


async def _dressed(asking: Asking, answer: VisualAnswer) -> bytes:
    ids = [item.product_id for item in answer.items]
    cards = await catalog.cards(asking.database, asking.shop, asking.shopper, ids)
    return dressed(answer.model_dump(mode="json", exclude={"items"}), cards)


async def _sold(asking: Asking, query: str | None, limit: int) -> Shown:
    if query is not None:
        return await catalog.search(asking.database, asking.shop, asking.shopper, words=query, after=None, limit=limit)
    return await catalog.list_products(
        asking.database, asking.shop, asking.shopper, category=None, after=None, limit=limit
    )


def _otherwise(answer: VisualAnswer, listed: Shown, *, but: UUID | None = None, limit: int | None = None) -> bytes:
    cards = [card for card in orjson.loads(listed.body)["items"] if card["id"] != str(but)][:limit]
    return dressed(answer.model_dump(mode="json", exclude={"items"}), orjson.dumps({"items": cards}))
