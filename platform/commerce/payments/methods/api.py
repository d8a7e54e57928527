"""A customer's saved instruments over HTTP."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response, status

from commerce.http import Core, CoreDep, KeyDep, ShopDep, ShopperDep, once
from commerce.identity.service import Shopper, SignInRequired
from commerce.payments.methods import service
from commerce.payments.methods.schemas import MethodIn, MethodList, MethodOut, SetupWaiting
from commerce.payments.providers import Providers, configured
from commerce.policies import areas
from foundation.access import CUSTOMER, needs
from foundation.http import json_bytes, model_bytes

router = APIRouter(
    prefix="/v1/store/payment-methods", tags=["payments"], route_class=areas.within(areas.PAYMENT_METHODS)
)
MethodId = Annotated[UUID, Path()]
Waits: dict[int | str, dict[str, Any]] = {status.HTTP_202_ACCEPTED: {"model": SetupWaiting}}


@router.get("")
@needs(CUSTOMER)
async def list_methods(core: CoreDep, shop: ShopDep, shopper: ShopperDep) -> MethodList:
    """What the signed-in customer has kept, the default first."""
    customer_id = customer_of(shopper)
    async with core.database.tx(shop.id, read_only=True) as tx:
        return MethodList(items=await service.kept(tx, customer_id))


@router.post("", status_code=status.HTTP_201_CREATED, response_model=MethodOut, responses={**Waits})
@needs(CUSTOMER)
async def save_method(request: Request, core: CoreDep, shopper: ShopperDep, key: KeyDep, body: MethodIn) -> Response:
    """Keep an instrument, by the one-time token that its provider gave the browser; never by a card's number.

    202 when its bank wants to see its owner first, on the page at `action_url`.
    """
    return await save_once(request, core, shopper, key, body)


@router.post(
    "/setups/{setup_id}/continue", status_code=status.HTTP_201_CREATED, response_model=MethodOut, responses={**Waits}
)
@needs(CUSTOMER)
async def go_on(
    request: Request, core: CoreDep, shopper: ShopperDep, key: KeyDep, setup_id: Annotated[UUID, Path()]
) -> Response:
    """The instrument once its owner has done what their bank asked; 202 again while they have not."""

    async def work() -> Response:
        return _answer(await go_on_with(core, shopper, setup_id))

    return await once(request, core, shopper, key, work)


async def go_on_with(core: Core, shopper: Shopper, setup_id: UUID) -> MethodOut | SetupWaiting:
    """What became of a customer's setup."""
    return await service.go_on(core.database, _providers(core), shopper.tenant_id, customer_of(shopper), setup_id)


async def save_once(request: Request, core: Core, shopper: Shopper, key: str, body: MethodIn) -> Response:
    """Keep an instrument of a customer's, once for the key."""
    customer_id = customer_of(shopper)
    provider = await _providers(core).offered(shopper.tenant_id, body.provider)

    async def work() -> Response:
        return _answer(await service.keep(core.database, provider, shopper.tenant_id, customer_id, body))

    return await once(request, core, shopper, key, work)


@router.put("/{method_id}/default")
@needs(CUSTOMER)
async def prefer_method(core: CoreDep, shop: ShopDep, shopper: ShopperDep, method_id: MethodId) -> MethodList:
    """Make an instrument the one that is offered first."""
    customer_id = customer_of(shopper)
    async with core.database.tx(shop.id) as tx:
        await service.prefer(tx, customer_id, method_id)
        return MethodList(items=await service.kept(tx, customer_id))


@router.delete("/{method_id}", status_code=status.HTTP_204_NO_CONTENT)
@needs(CUSTOMER)
async def forget_method(core: CoreDep, shopper: ShopperDep, method_id: MethodId) -> None:
    """Keep an instrument no longer."""
    await forget(core, shopper, method_id)


async def forget(core: Core, shopper: Shopper, method_id: UUID) -> None:
    """Have the provider of a customer's instrument keep it no longer."""
    customer_id = customer_of(shopper)
    async with core.database.tx(shopper.tenant_id, read_only=True) as tx:
        method = await service.one(tx, customer_id, method_id)
    await service.forget(core.database, _providers(core).named(method.provider), shopper.tenant_id, customer_id, method)


def customer_of(shopper: Shopper) -> UUID:
    """The customer who has signed in.

    Raises:
        SignInRequired: nobody has.
    """
    if shopper.customer_id is None:
        raise SignInRequired
    return shopper.customer_id


def _providers(core: Core) -> Providers:
    return configured(core.database, core.settings)


def _answer(told: MethodOut | SetupWaiting) -> Response:
    waits = isinstance(told, SetupWaiting)
    return json_bytes(model_bytes(told), status=status.HTTP_202_ACCEPTED if waits else status.HTTP_201_CREATED)
