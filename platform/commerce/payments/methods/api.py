"""A customer's saved instruments over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response, status

from commerce.http import CoreDep, KeyDep, ShopDep, ShopperDep, once
from commerce.identity.service import Shopper, SignInRequired
from commerce.payments.methods import service
from commerce.payments.methods.schemas import MethodIn, MethodList, MethodOut
from commerce.payments.providers import configured
from foundation.http import json_bytes, model_bytes

router = APIRouter(prefix="/v1/store/payment-methods", tags=["payments"])
MethodId = Annotated[UUID, Path()]


@router.get("")
async def list_methods(core: CoreDep, shop: ShopDep, shopper: ShopperDep) -> MethodList:
    """What the signed-in customer has kept, the default first."""
    customer_id = _customer(shopper)
    async with core.database.tx(shop.id, read_only=True) as tx:
        return MethodList(items=await service.kept(tx, customer_id))


@router.post("", status_code=status.HTTP_201_CREATED, response_model=MethodOut)
async def save_method(
    request: Request, core: CoreDep, shop: ShopDep, shopper: ShopperDep, key: KeyDep, body: MethodIn
) -> Response:
    """Keep an instrument, by the one-time token that its provider gave the browser; never by a card's number."""
    customer_id = _customer(shopper)
    provider = await configured(core.database, core.settings).offered(shop.id, body.provider)

    async def work() -> Response:
        method = await service.keep(core.database, provider, shop.id, customer_id, body)
        return json_bytes(model_bytes(method), status=status.HTTP_201_CREATED)

    return await once(request, core, shopper, key, work)


@router.put("/{method_id}/default")
async def prefer_method(core: CoreDep, shop: ShopDep, shopper: ShopperDep, method_id: MethodId) -> MethodList:
    """Make an instrument the one that is offered first."""
    customer_id = _customer(shopper)
    async with core.database.tx(shop.id) as tx:
        await service.prefer(tx, customer_id, method_id)
        return MethodList(items=await service.kept(tx, customer_id))


@router.delete("/{method_id}", status_code=status.HTTP_204_NO_CONTENT)
async def forget_method(core: CoreDep, shop: ShopDep, shopper: ShopperDep, method_id: MethodId) -> None:
    """Keep an instrument no longer."""
    customer_id = _customer(shopper)
    async with core.database.tx(shop.id, read_only=True) as tx:
        method = await service.one(tx, customer_id, method_id)
    provider = configured(core.database, core.settings).named(method.provider)
    await service.forget(core.database, provider, shop.id, customer_id, method)


def _customer(shopper: Shopper) -> UUID:
    if shopper.customer_id is None:
        raise SignInRequired
    return shopper.customer_id
