"""Paying for a change to one's order, over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response, status

from commerce.http import Core, CoreDep, KeyDep, ShopperDep, once
from commerce.identity.service import Shopper
from commerce.orders import reading
from commerce.orders.answering import OrderId
from commerce.orders.change_schemas import PayChangeIn
from commerce.orders.paying import Additional
from commerce.orders.schemas import OrderOut
from commerce.payments.providers import configured
from commerce.payments.schemas import Waiting
from commerce.policies import areas
from foundation.http import json_bytes, model_bytes

router = APIRouter(
    prefix="/v1/store/orders/{order_id}/changes/{change_id}/pay",
    tags=["orders"],
    route_class=areas.within(areas.CHECKOUT),
)
ChangeId = Annotated[UUID, Path()]
Waits: dict[int | str, dict[str, Any]] = {status.HTTP_202_ACCEPTED: {"model": Waiting}}


@router.post("", response_model=OrderOut, responses={**Waits})
async def pay_change(
    request: Request,
    core: CoreDep,
    shopper: ShopperDep,
    key: KeyDep,
    order_id: OrderId,
    change_id: ChangeId,
    body: PayChangeIn,
) -> Response:
    """Pay the difference that a change asks for; it is applied then. 202 when the shopper has something to do first."""
    return await pay_change_once(request, core, shopper, key, order_id, change_id, body)


@router.post("/continue", response_model=OrderOut, responses={**Waits})
async def go_on_paying_change(
    request: Request, core: CoreDep, shopper: ShopperDep, key: KeyDep, order_id: OrderId, change_id: ChangeId
) -> Response:
    """The order once the shopper has done what was asked and the change is applied; 202 again while they have not.

    The provider's notification leads to the same, whichever comes first. Asking again takes a key of its own.
    """
    return await _paid_once(
        request, core, shopper, key, order_id, lambda: additional_of(core).go_on(shopper, order_id, change_id)
    )


@router.post("/give-up", response_model=OrderOut)
async def give_change_up(
    request: Request, core: CoreDep, shopper: ShopperDep, key: KeyDep, order_id: OrderId, change_id: ChangeId
) -> Response:
    """Undo a change instead of paying for it: nothing is charged."""
    return await give_change_up_once(request, core, shopper, key, order_id, change_id)


async def pay_change_once(
    request: Request, core: Core, shopper: Shopper, key: str, order_id: UUID, change_id: UUID, body: PayChangeIn
) -> Response:
    """Pay what a change of a shopper's order asks for, once for the key; the order as it stands then, or what to do."""
    return await _paid_once(
        request,
        core,
        shopper,
        key,
        order_id,
        lambda: additional_of(core).pay(shopper, order_id, change_id, body, return_url=body.return_url),
    )


async def give_change_up_once(
    request: Request, core: Core, shopper: Shopper, key: str, order_id: UUID, change_id: UUID
) -> Response:
    """Undo a change of a shopper's order that waits to be paid, once for the key; the order as it stands then."""
    return await _paid_once(
        request, core, shopper, key, order_id, lambda: additional_of(core).give_up(shopper, order_id, change_id)
    )


def additional_of(core: Core) -> Additional:
    """The payments for changes of this worker."""
    return Additional(core.database, configured(core.database, core.settings))


async def _paid_once(
    request: Request,
    core: Core,
    shopper: Shopper,
    key: str,
    order_id: UUID,
    pay: Callable[[], Awaitable[Waiting | None]],
) -> Response:
    async def work() -> Response:
        waits = await pay()
        if waits is not None:
            return json_bytes(model_bytes(waits), status=status.HTTP_202_ACCEPTED)
        async with core.database.tx(shopper.tenant_id, read_only=True) as tx:
            return json_bytes(model_bytes(await reading.get(tx, shopper, order_id)))

    return await once(request, core, shopper, key, work)
