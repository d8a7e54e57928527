"""A row of recommended products, decided anew each time it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from commerce.cart import service as carts
from commerce.catalog.schemas import ProductCard
from commerce.deciding import DecisionClient
from commerce.policies import areas
from commerce.recommendations import service as recommendations
from commerce.recommendations.schemas import RecommendationsOut
from commerce.recommendations.service import Asked
from foundation.decisions import Placement
from foundation.events import Item, ViewItemList
from storefront import rendering
from storefront.visit import Visit, VisitDep

LIMIT = 12
router = APIRouter(route_class=areas.within(areas.BROWSING))

TITLES: dict[Placement, str] = {
    "home": "For you",
    "product": "Goes well with this",
    "cart": "You might have forgotten",
}


@dataclass(frozen=True, slots=True)
class Rail:
    """What to show in a row, who decided it, and the address that decides it again."""

    title: str
    list_id: str
    products: Sequence[ProductCard]
    decision_id: UUID | None
    fallback: bool
    source: str | None
    event: dict[str, Any]


async def rail(visit: Visit, placement: Placement, product_id: UUID | None = None) -> Rail:
    """The recommendations for this place."""
    core, shop = visit.core, visit.shop
    async with core.database.tx(shop.id, read_only=True) as tx:
        in_cart = await carts.product_ids(tx, visit.shopper)
    looked_at = [product_id] if product_id else []
    asked = Asked(
        placement=placement,
        shopper=visit.shopper,
        context=looked_at or in_cart,
        exclude=[*in_cart, *looked_at],
        limit=LIMIT,
    )
    client = cast("DecisionClient", visit.request.app.state.decisions)
    decided = RecommendationsOut.model_validate_json(
        await recommendations.recommend(core.database, client, shop, asked)
    )
    source = f"/shop/rail?placement={placement}" + (f"&product_id={product_id}" if product_id else "")
    return Rail(
        title=TITLES[placement],
        list_id=placement,
        products=decided.items,
        decision_id=decided.decision_id,
        fallback=decided.fallback is not None,
        source=source,
        event=list_event(placement, decided.items, decided.decision_id),
    )


def list_event(list_id: str, products: Sequence[ProductCard], decision_id: UUID | None = None) -> dict[str, Any]:
    """What the browser reports when it has shown the list."""
    if not products:
        return {}
    items = [
        Item(item_id=card.id, variant_id=card.variant_id, price=card.price.amount, index=index, item_list_id=list_id)
        for index, card in enumerate(products)
    ]
    seen = ViewItemList(items=items, item_list_id=list_id, currency=products[0].price.currency)
    return browser_event(seen.name, seen.model_dump(mode="json", exclude_none=True), decision_id)


def browser_event(name: str, payload: dict[str, Any], decision_id: UUID | None = None) -> dict[str, Any]:
    """An event for the browser to send, but for its id and time."""
    event: dict[str, Any] = {"name": name, "payload": payload}
    return {**event, "decision_id": str(decision_id)} if decision_id else event


@router.get("/shop/rail")
async def rail_fragment(
    visit: VisitDep,
    placement: Annotated[Placement, Query()] = "home",
    product_id: Annotated[UUID | None, Query()] = None,
) -> Response:
    """The row by itself, for a page that watches it change."""
    shown = await rail(visit, placement, product_id)
    return rendering.html("_rail.html", rail=shown, here="/" if placement == "home" else "/cart")
