"""Photos that a shopper adds from the order's page, whatever they are of."""

from __future__ import annotations

from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from commerce.orders.photos import Album
from commerce.orders.photos_api import add_once
from foundation.errors import Problem
from storefront.forms import read_photo
from storefront.orders import order_page
from storefront.visit import Visit


async def add(request: Request, visit: Visit, album: Album, order_id: UUID, about_id: UUID) -> Response:
    """Add a photo to a return or a claim of an order: once for each form shown."""
    try:
        form = await read_photo(request)
        ids = (order_id, about_id)
        await add_once(request, visit.core, visit.shopper, form.idempotency_key, album, ids, form.photo)
    except Problem as problem:
        return await order_page(visit, order_id, problem)
    return visit.redirect(f"/orders/{order_id}", "photo-added")
