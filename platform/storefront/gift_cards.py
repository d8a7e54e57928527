"""The codes of gift cards that a shopper bought, from the order's page: each is shown once."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from commerce.orders import gift_sales_api, reading
from commerce.policies import areas
from foundation.errors import Problem
from pages.forms import read
from storefront.forms import CancelForm
from storefront.orders import OrderId, order_page
from storefront.visit import VisitDep

router = APIRouter(route_class=areas.within(areas.STORED_VALUE))


@router.post("/orders/{order_id}/gift-cards/{card_id}/code")
async def show(request: Request, visit: VisitDep, order_id: OrderId, card_id: Annotated[UUID, Path()]) -> Response:
    """Show the code of a card, this once."""
    try:
        form = await read(request, CancelForm)
        code = await gift_sales_api.show_once(
            request, visit.core, visit.shopper, form.idempotency_key, order_id, card_id
        )
    except Problem as problem:
        return await order_page(visit, order_id, problem)
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        order = await reading.get(tx, visit.shopper, order_id)
    card = next(card for card in order.gift_cards if card.id == card_id)
    page = visit.page("gift_card.html", order=order, code=code, card=card)
    page.headers["Cache-Control"] = "no-store"
    return page
