"""What became of a product's prices."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from backoffice.desk import Desk, desk
from commerce.catalog.products import reading
from commerce.http import decode_cursor, encode_cursor
from commerce.identity.makers import named
from commerce.pricing import history
from foundation.types import Id

router = APIRouter(prefix="/back-office/products/{product_id}/prices")
Reader = Annotated[Desk, Depends(desk("prices:read"))]
_SHOWN = 50


@router.get("")
async def show(
    desk: Reader,
    product_id: Annotated[Id, Path()],
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Who changed a price of it, when, from what, and to what."""
    before = decode_cursor(cursor)[1] if cursor else None
    async with desk.tx(read_only=True) as tx:
        product = await reading.read(tx, product_id, currency=desk.shop.currency)
        variants = {one.id: one for one in product.variants if one.id is not None}
        found = await history.page(tx, list(variants), before, _SHOWN + 1)
        makers = await named(tx, [one.changed_by for one in found])
    shown, more = found[:_SHOWN], len(found) > _SHOWN
    return desk.page(
        "prices.html",
        product=product,
        variants=variants,
        changes=shown,
        makers=makers,
        next_cursor=encode_cursor(0, shown[-1].id) if more else None,
    )
