"""Signing out at the provider too (OpenID Connect RP-Initiated Logout 1.0), and here once it has been done there
(Back-Channel Logout 1.0)."""

from __future__ import annotations

import hashlib
from urllib.parse import urlencode
from uuid import UUID

from commerce.federation import identities, logout_tokens, providers
from commerce.federation.logout_tokens import SignedOut
from commerce.federation.providers import Provider
from commerce.federation.refusals import LogoutRefused, NotBelieved, ProviderNotFound, ProviderUnusable
from commerce.http import Core
from commerce.identity import service as identity
from commerce.identity.service import Shopper
from commerce.sessions.signing_in import Asking
from commerce.tenancy.service import Shop
from foundation import audit, idempotency
from foundation.database import Tx
from foundation.idempotency import Answer, RequestInFlight


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


def logout_path(provider_id: UUID) -> str:
    """Where a provider tells that somebody has signed out."""
    return f"/v1/store/identity-providers/{provider_id}/logouts"


async def left_there(core: Core, shop: Shop, provider_id: UUID, token: str) -> None:
    """Somebody has signed out of a provider, as a token of its says: their sessions that were opened on its word end.
    A token that is shown again ends nothing more.

    Raises:
        ProviderNotFound.
        LogoutRefused.
    """
    async with core.database.tx(shop.id, read_only=True) as tx:
        provider = await providers.one(tx, provider_id)
    try:
        metadata = await core.issuers.metadata(core.outbound, provider.kind, provider.issuer)
        gone = await logout_tokens.verified(core.issuers, core.outbound, provider, metadata, token)
    except NotBelieved as fault:
        raise LogoutRefused(reason=fault.reason) from fault
    except ProviderUnusable as fault:
        raise LogoutRefused(reason="provider") from fault
    async with core.database.tx(shop.id) as tx:
        if await _is_new(tx, provider, gone):
            await _end(tx, provider, gone)


async def _is_new(tx: Tx, provider: Provider, gone: SignedOut) -> bool:
    """Whether a token is shown for the first time; that it was is kept for longer than it is good."""
    key = hashlib.sha256(gone.id.encode()).hexdigest()
    scope = idempotency.Scope(tx.tenant_id, f"provider:{provider.id}", "logout", key)
    try:
        if await idempotency.claim(tx, scope, gone.id.encode()) is not None:
            return False
    except RequestInFlight:
        return False
    await idempotency.settle(tx, scope, Answer(200, "text/plain", b""))
    return True


async def _end(tx: Tx, provider: Provider, gone: SignedOut) -> None:
    account_id = None
    if gone.subject is not None:
        account_id = await identities.whose(tx, provider.issuer, gone.subject)
        if account_id is None:
            return
    session = identities.session_digest(tx.tenant_id, provider.issuer, gone.session)
    ended = await identity.end_elsewhere(tx, provider.id, session=session, account_id=account_id)
    if ended:
        details = {"sessions": ended, "account": str(account_id) if account_id else None}
        await audit.record(tx, actor=f"provider:{provider.id}", action="sessions.ended_elsewhere", details=details)
