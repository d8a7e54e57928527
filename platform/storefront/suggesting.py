"""What the search box suggests while somebody types, as a piece of a page."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from commerce.catalog import suggesting
from commerce.catalog.schemas import SuggestionList, SuggestionQuery
from commerce.deciding import DecisionClient
from commerce.http import CoreDep, PresentShopper, ShopDep
from commerce.policies import areas
from foundation.access import ANYONE, needs
from storefront import rendering

router = APIRouter(route_class=areas.within(areas.BROWSING))


@router.get("/shop/suggestions")
@needs(ANYONE)
async def suggestions(
    request: Request,
    core: CoreDep,
    shop: ShopDep,
    shopper: PresentShopper,
    query: Annotated[SuggestionQuery, Query()],
) -> Response:
    """What whoever has typed this may be about to ask for, at this shopper's prices."""
    answer = await suggesting.decide(cast("DecisionClient", request.app.state.decisions), shop, typed=query.q)
    shown = await suggesting.suggested(core.database, shop, shopper, answer, typed=query.q)
    return rendering.html("_suggestions.html", found=SuggestionList.model_validate_json(shown.body))
