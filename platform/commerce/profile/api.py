"""A customer's addresses and preferences over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, status

from commerce.http import CoreDep, CustomerDep, ShopDep
from commerce.policies import areas
from commerce.profile import addresses, preferences
from commerce.profile.schemas import KeptAddresses, KeptAddressIn, Preferences, PreferencesIn

router = APIRouter(prefix="/v1/store", tags=["profile"], route_class=areas.within(areas.ADDRESSES))
AddressId = Annotated[UUID, Path()]


@router.get("/addresses")
async def kept(core: CoreDep, shop: ShopDep, customer: CustomerDep) -> KeptAddresses:
    """The customer's addresses."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await addresses.kept(tx, customer.id)


@router.post("/addresses", status_code=status.HTTP_201_CREATED)
async def keep(core: CoreDep, shop: ShopDep, customer: CustomerDep, body: KeptAddressIn) -> KeptAddresses:
    """Keep an address; the first is offered first."""
    async with core.database.tx(shop.id) as tx:
        await addresses.keep(tx, customer.id, body)
        return await addresses.kept(tx, customer.id)


@router.put("/addresses/{address_id}")
async def change(
    core: CoreDep, shop: ShopDep, customer: CustomerDep, address_id: AddressId, body: KeptAddressIn
) -> KeptAddresses:
    """Put another address in its place."""
    async with core.database.tx(shop.id) as tx:
        await addresses.change(tx, customer.id, address_id, body)
        return await addresses.kept(tx, customer.id)


@router.delete("/addresses/{address_id}", status_code=status.HTTP_204_NO_CONTENT)
async def remove(core: CoreDep, shop: ShopDep, customer: CustomerDep, address_id: AddressId) -> None:
    """Keep an address no longer."""
    async with core.database.tx(shop.id) as tx:
        await addresses.remove(tx, customer.id, address_id)


@router.get("/notification-preferences")
@areas.about(areas.CONSENT)
async def told(core: CoreDep, shop: ShopDep, customer: CustomerDep) -> Preferences:
    """What the customer is told, and how."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await preferences.preferences(tx, customer.id)


@router.patch("/notification-preferences")
@areas.about(areas.CONSENT)
async def prefer(core: CoreDep, shop: ShopDep, customer: CustomerDep, body: PreferencesIn) -> Preferences:
    """Say what to be told, and how; what isn't named stays."""
    async with core.database.tx(shop.id) as tx:
        await preferences.prefer(tx, customer.id, body.items)
        return await preferences.preferences(tx, customer.id)
