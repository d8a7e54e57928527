"""A shop's providers over HTTP: what staff set, and what a checkout offers."""

from __future__ import annotations

from datetime import timedelta
from math import ceil
from typing import Annotated

from fastapi import APIRouter, Depends, Path

from commerce.http import CoreDep, MaybeShopper, ShopDep, staff
from commerce.identity.staff import Staff
from commerce.payments.accounts import service
from commerce.payments.accounts.schemas import (
    AccountIn,
    AccountList,
    AccountOut,
    OptionOut,
    PaymentOptions,
    ProviderName,
)
from commerce.payments.methods import service as methods
from commerce.payments.providers import SavesMethods, UnknownProvider, configured
from commerce.payments.providers.accounts import of_shop
from commerce.policies import areas

router = APIRouter(tags=["payments"], route_class=areas.within(areas.CHECKOUT))
Reader = Annotated[Staff, Depends(staff("settings:read"))]
Writer = Annotated[Staff, Depends(staff("payment_accounts:write"))]
Name = Annotated[ProviderName, Path()]


@router.get("/v1/admin/payment-accounts")
async def list_accounts(core: CoreDep, shop: ShopDep, _: Reader) -> AccountList:
    """What the shop has said of each provider, and which providers there are."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        accounts = await of_shop(tx)
    available = [provider.name for provider in configured(core.database, core.settings).all]
    return AccountList(items=service.out(accounts), available=available)


@router.get("/v1/admin/payment-accounts/{provider}")
async def read_account(core: CoreDep, shop: ShopDep, _: Reader, provider: Name) -> AccountOut:
    """What the shop has said of a provider."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        accounts = await of_shop(tx)
    for account in service.out(accounts):
        if account.provider == provider:
            return account
    raise UnknownProvider(provider=provider)


@router.put("/v1/admin/payment-accounts/{provider}")
async def put_account(core: CoreDep, shop: ShopDep, _: Writer, provider: Name, body: AccountIn) -> AccountList:
    """Turn a provider on or off for this shop, and say where its money goes."""
    providers = configured(core.database, core.settings)
    providers.named(provider)
    async with core.database.tx(shop.id) as tx:
        await service.put(tx, provider, body)
        accounts = await of_shop(tx)
    providers.forget(shop.id)
    return AccountList(items=service.out(accounts), available=[one.name for one in providers.all])


@router.get("/v1/store/payment-options")
async def options(core: CoreDep, shop: ShopDep, shopper: MaybeShopper) -> PaymentOptions:
    """The ways to pay in this shop, and what the signed-in customer has kept of those."""
    offered = await configured(core.database, core.settings).offered_by(shop.id)
    kept = []
    if shopper is not None and shopper.customer_id is not None:
        async with core.database.tx(shop.id, read_only=True) as tx:
            kept = await methods.kept(tx, shopper.customer_id)
    names = {provider.name for provider in offered}
    return PaymentOptions(
        items=[
            OptionOut(
                provider=provider.name,
                deferred=provider.deferred,
                saves_methods=isinstance(provider, SavesMethods),
                lets_go_within_hours=ceil(provider.lets_go_within / timedelta(hours=1)),
            )
            for provider in offered
        ],
        methods=[method for method in kept if method.provider in names],
    )
