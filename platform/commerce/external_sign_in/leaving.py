"""Signing out at the provider too (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

from urllib.parse import urlencode

from commerce.federation import providers
from commerce.federation.refusals import ProviderNotFound, ProviderUnusable
from commerce.http import Core
from commerce.identity import service as identity
from commerce.identity.service import Shopper
from commerce.sessions.signing_in import Asking
from commerce.tenancy.service import Shop


async def leave_at(core: Core, shop: Shop, asking: Asking, shopper: Shopper, back: str) -> str | None:
    """Where a browser signs out of the provider that it signed in by, and then comes back to a page of the shop's; none
    where there is no such provider, or it offers nothing of the sort.
    """
    async with core.database.tx(shop.id, read_only=True) as tx:
        provider_id = await identity.provider_of(tx, shopper.session_id)
        if provider_id is None:
            return None
        try:
            provider = await providers.one(tx, provider_id)
        except ProviderNotFound:
            return None
    try:
        metadata = await core.issuers.metadata(core.outbound, provider.kind, provider.issuer)
    except ProviderUnusable:
        return None
    if metadata.end_session_endpoint is None:
        return None
    asked = {"client_id": provider.client_id, "post_logout_redirect_uri": f"{asking.home}{back}"}
    joint = "&" if "?" in metadata.end_session_endpoint else "?"
    return f"{metadata.end_session_endpoint}{joint}{urlencode(asked)}"
