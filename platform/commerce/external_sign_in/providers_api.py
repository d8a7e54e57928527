"""A shop's identity providers over HTTP, for its staff."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, status

from commerce.external_sign_in import configuring
from commerce.external_sign_in.leaving import logout_path
from commerce.external_sign_in.provider_schemas import (
    CheckOut,
    ProviderChange,
    ProviderIn,
    ProviderList,
    ProviderOut,
    StaffSignInIn,
    StaffSignInOut,
)
from commerce.external_sign_in.starting import return_path
from commerce.federation import providers
from commerce.federation.providers import Provider
from commerce.http import CoreDep, ShopDep, home_of, staff
from commerce.identity.staff import Staff
from commerce.recently import staff_proved_anew
from foundation.types import Id

router = APIRouter(tags=["identity providers"])
Reader = Annotated[Staff, Depends(staff("identity_providers:read"))]
Writer = Annotated[Staff, Depends(staff_proved_anew("identity_providers:write"))]
Asker = Annotated[Staff, Depends(staff("identity_providers:write"))]
ProviderId = Annotated[Id, Path()]
_PROVIDERS = "/v1/admin/identity-providers"
_STAFF_SIGN_IN = "/v1/admin/staff-sign-in"


@router.get(_PROVIDERS)
async def list_providers(request: Request, core: CoreDep, shop: ShopDep, _: Reader) -> ProviderList:
    """By whose accounts people sign in, the oldest first."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return ProviderList(items=[_out(request, one) for one in await providers.every(tx)])


@router.post(_PROVIDERS, status_code=status.HTTP_201_CREATED)
async def add_provider(request: Request, core: CoreDep, shop: ShopDep, by: Writer, body: ProviderIn) -> ProviderOut:
    """Let people sign in by a provider. Its discovery document and its keys are asked for at once."""
    provider_id = await configuring.add(core, shop, by, body)
    return await _shown(request, core, shop, provider_id)


@router.get(f"{_PROVIDERS}/{{provider_id}}")
async def read_provider(
    request: Request, core: CoreDep, shop: ShopDep, _: Reader, provider_id: ProviderId
) -> ProviderOut:
    """One of them."""
    return await _shown(request, core, shop, provider_id)


@router.put(f"{_PROVIDERS}/{{provider_id}}")
async def change_provider(
    request: Request, core: CoreDep, shop: ShopDep, by: Writer, provider_id: ProviderId, body: ProviderChange
) -> ProviderOut:
    """Set it up otherwise. Kind, issuer and audience stay: with others it is another provider."""
    await configuring.change(core, shop, by, provider_id, body)
    return await _shown(request, core, shop, provider_id)


@router.delete(f"{_PROVIDERS}/{{provider_id}}", status_code=status.HTTP_204_NO_CONTENT)
async def remove_provider(core: CoreDep, shop: ShopDep, by: Writer, provider_id: ProviderId) -> None:
    """Let it go, with its secret and the identities that were linked by it."""
    await configuring.remove(core, shop, by, provider_id)


@router.post(f"{_PROVIDERS}/{{provider_id}}/checks")
async def check_provider(core: CoreDep, shop: ShopDep, _: Asker, provider_id: ProviderId) -> CheckOut:
    """Ask it now what it says of itself, and for its keys."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        provider = await providers.one(tx, provider_id)
    return await configuring.check(core, provider)


@router.get(_STAFF_SIGN_IN)
async def read_staff_sign_in(core: CoreDep, shop: ShopDep, _: Reader) -> StaffSignInOut:
    """Whether the shop's own staff must come by its provider."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await configuring.staff_sign_in(tx)


@router.put(_STAFF_SIGN_IN)
async def require_staff_sign_in(core: CoreDep, shop: ShopDep, by: Writer, body: StaffSignInIn) -> StaffSignInOut:
    """Let the shop's own staff come by this provider only, but for whoever asks it. Those who came in otherwise are
    signed out.
    """
    async with core.database.tx(shop.id) as tx:
        return await configuring.require_of_staff(tx, by, body.provider_id)


@router.delete(_STAFF_SIGN_IN, status_code=status.HTTP_204_NO_CONTENT)
async def release_staff_sign_in(core: CoreDep, shop: ShopDep, by: Writer) -> None:
    """Let them come by any way again."""
    async with core.database.tx(shop.id) as tx:
        await configuring.ask_no_more_of_staff(tx, by)


async def _shown(request: Request, core: CoreDep, shop: ShopDep, provider_id: Id) -> ProviderOut:
    async with core.database.tx(shop.id, read_only=True) as tx:
        return _out(request, await providers.one(tx, provider_id))


def _out(request: Request, provider: Provider) -> ProviderOut:
    return ProviderOut(
        id=provider.id,
        kind=provider.kind,
        name=provider.name,
        issuer=provider.issuer,
        audience=provider.audience,
        client_id=provider.client_id,
        client_authentication=provider.client_authentication,
        domains=list(provider.domains),
        role=provider.role,
        team_id=provider.team_id,
        key_id=provider.key_id,
        is_enabled=provider.is_enabled,
        redirect_uri=f"{home_of(request)}{return_path(provider.id)}",
        logout_uri=f"{home_of(request)}{logout_path(provider.id)}",
        version=provider.version,
        created_at=provider.created_at,
    )
