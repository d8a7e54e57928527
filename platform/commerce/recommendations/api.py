"""Recommendations over HTTP."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Query, Request, Response

from commerce.cart import service as carts
from commerce.deciding import DecisionClient
from commerce.http import CoreDep, MaybeShopper, ShopDep
from commerce.policies import areas
from commerce.recommendations import service
from commerce.recommendations.schemas import RecommendationQuery, RecommendationsOut
from commerce.recommendations.service import Asked
from foundation.http import json_bytes

router = APIRouter(
    prefix="/v1/store/recommendations", tags=["recommendations"], route_class=areas.within(areas.BROWSING)
)


def client_of(request: Request) -> DecisionClient:
    """The worker's way to the decision service."""
    return cast("DecisionClient", request.app.state.decisions)


@router.get("", response_model=RecommendationsOut)
async def recommendations(
    request: Request,
    core: CoreDep,
    shop: ShopDep,
    shopper: MaybeShopper,
    query: Annotated[RecommendationQuery, Query()],
) -> Response:
    """What to show this shopper here, decided now."""
    in_cart = []
    if shopper is not None:
        async with core.database.tx(shop.id, read_only=True) as tx:
            in_cart = await carts.product_ids(tx, shopper)
    looked_at = [query.product_id] if query.product_id else []
    asked = Asked(
        placement=query.placement,
        shopper=shopper,
        context=looked_at or in_cart,
        exclude=[*in_cart, *looked_at],
        limit=query.limit,
    )
    return json_bytes(await service.recommend(core.database, client_of(request), shop, asked))
