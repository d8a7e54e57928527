"""Completing a cart over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response, status

from commerce.checkout.reserving import Begun
from commerce.checkout.schemas import Complete, PayAgain
from commerce.checkout.service import Checkout
from commerce.http import Answering, Core, CoreDep, KeyDep, ShopDep, ShopperDep, begun_once, here, once
from commerce.identity.service import Shopper
from commerce.orders.schemas import OrderOut
from commerce.payments.providers import configured
from commerce.payments.schemas import Waiting
from commerce.policies import areas
from commerce.taxes import engines
from foundation.access import SHOPPER, needs
from foundation.database import Tx
from foundation.http import json_bytes, model_bytes

router = APIRouter(prefix="/v1/store/carts", tags=["checkout"], route_class=areas.within(areas.CHECKOUT))
orders_router = APIRouter(prefix="/v1/store/orders", tags=["checkout"], route_class=areas.within(areas.CHECKOUT))


def checkout_of(core: Core) -> Checkout:
    """The checkout of this worker."""
    return Checkout(
        core.database,
        configured(core.database, core.settings),
        timedelta(seconds=core.settings.reservation_ttl_seconds),
        engines.configured(core.settings),
    )


CartId = Annotated[UUID, Path()]
Waits: dict[int | str, dict[str, Any]] = {status.HTTP_202_ACCEPTED: {"model": Waiting}}


def answer(told: OrderOut | Waiting, *, placed: int = status.HTTP_201_CREATED) -> Response:
    """201 with the order, or 202 with what the shopper has to do first."""
    waits = isinstance(told, Waiting)
    return json_bytes(model_bytes(told), status=status.HTTP_202_ACCEPTED if waits else placed)


@router.post("/{cart_id}/complete", status_code=status.HTTP_201_CREATED, response_model=OrderOut, responses={**Waits})
@needs(SHOPPER)
async def complete(request: Request, key: KeyDep, cart_id: CartId, body: Complete) -> Response:
    """Pay and place the order: once for each Idempotency-Key, whatever happens to the connection.

    202 when the shopper has something to do first, on the page at each payment's `action_url`.
    """
    core, shop = await here(request)
    checkout = checkout_of(core)
    offered = await checkout.offers(shop, body)

    async def begin(tx: Tx, shopper: Shopper) -> Begun | None:
        return await checkout.begin(tx, shopper, cart_id, body) if offered else None

    async def work(shopper: Shopper, begun: Begun | None, answering: Answering) -> Response:
        async def keep(tx: Tx, order: OrderOut) -> None:
            await answering.keep(tx, answer(order))

        told = await checkout.complete(shop, shopper, cart_id, body, begun=begun, last=keep)
        return answering.kept or answer(told)

    return await begun_once(request, core, shop, key, begin, work)


@router.post("/{cart_id}/continue", status_code=status.HTTP_201_CREATED, response_model=OrderOut, responses={**Waits})
async def go_on(
    request: Request, core: CoreDep, shop: ShopDep, shopper: ShopperDep, key: KeyDep, cart_id: CartId
) -> Response:
    """Place the order once the shopper has done what was asked; 202 again while they have not.

    The provider's notification leads to the same: whichever comes first places it, the other is given it. Asking again
    takes a key of its own.
    """

    async def work() -> Response:
        return answer(await checkout_of(core).go_on(shop, shopper, cart_id))

    return await once(request, core, shopper, key, work)


@router.post("/{cart_id}/give-up", status_code=status.HTTP_204_NO_CONTENT)
async def give_up(
    request: Request, core: CoreDep, shop: ShopDep, shopper: ShopperDep, key: KeyDep, cart_id: CartId
) -> Response:
    """Open the cart again instead of doing what a payment asks for: what it holds is let go."""

    async def work() -> Response:
        await checkout_of(core).give_up(shop, shopper, cart_id)
        return Response(status_code=status.HTTP_204_NO_CONTENT)

    return await once(request, core, shopper, key, work)


@orders_router.post("/{order_id}/pay", response_model=OrderOut, responses={**Waits})
async def pay_again(
    request: Request,
    core: CoreDep,
    shop: ShopDep,
    shopper: ShopperDep,
    key: KeyDep,
    order_id: Annotated[UUID, Path()],
    body: PayAgain,
) -> Response:
    """Pay for an order whose payment could not be captured; 202 when the shopper has something to do first."""

    async def work() -> Response:
        told = await checkout_of(core).pay_again(shop, shopper, order_id, body)
        return answer(told, placed=status.HTTP_200_OK)

    return await once(request, core, shopper, key, work)


@orders_router.post("/{order_id}/pay/continue", response_model=OrderOut, responses={**Waits})
async def go_on_paying(
    request: Request,
    core: CoreDep,
    shop: ShopDep,
    shopper: ShopperDep,
    key: KeyDep,
    order_id: Annotated[UUID, Path()],
) -> Response:
    """The order once the shopper has done what was asked to pay for it again; 202 again while they have not."""

    async def work() -> Response:
        told = await checkout_of(core).go_on_paying(shop, shopper, order_id)
        return answer(told, placed=status.HTTP_200_OK)

    return await once(request, core, shopper, key, work)
