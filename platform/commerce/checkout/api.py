"""Completing a cart over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response, status

from commerce.checkout.schemas import Complete
from commerce.checkout.service import Checkout
from commerce.http import Core, CoreDep, KeyDep, ShopDep, ShopperDep, once
from commerce.orders.schemas import OrderOut
from commerce.payments.providers import configured
from foundation.http import json_bytes, model_bytes

router = APIRouter(prefix="/v1/store/carts", tags=["checkout"])


def checkout_of(core: Core) -> Checkout:
    """The checkout of this worker."""
    return Checkout(core.database, configured(), timedelta(seconds=core.settings.reservation_ttl_seconds))


@router.post("/{cart_id}/complete", status_code=status.HTTP_201_CREATED, response_model=OrderOut)
async def complete(
    request: Request,
    core: CoreDep,
    shop: ShopDep,
    shopper: ShopperDep,
    key: KeyDep,
    cart_id: Annotated[UUID, Path()],
    body: Complete,
) -> Response:
    """Pay and place the order: once for each Idempotency-Key, whatever happens to the connection."""

    async def work() -> Response:
        order = await checkout_of(core).complete(shop, shopper, cart_id, body)
        return json_bytes(model_bytes(order), status=status.HTTP_201_CREATED)

    return await once(request, core, shopper, key, work)
