"""Sending a browser to a provider, and which addresses it may be sent back to."""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import UUID

from commerce.federation import attempts, providers
from commerce.federation.attempts import Purpose, Sent
from commerce.federation.issuers import require_secure
from commerce.federation.providers import Provider
from commerce.federation.refusals import NotInvited, ProviderNotFound, ProviderUnusable, RedirectRefused
from commerce.http import Core, Member
from commerce.identity.service import SessionUnknown
from commerce.sessions import guarding
from commerce.sessions.guarding import Try
from commerce.sessions.signing_in import Asking
from commerce.staffing import service as staffing
from commerce.tenancy.service import Shop
from foundation.database import Tx
from foundation.outbound import Outbound


def return_path(provider_id: UUID) -> str:
    """Where a provider sends browsers back to. Each has its own, so that one can't answer in another's name."""
    return f"/sign-in/with/{provider_id}/return"


def tries(asking: Asking) -> list[Try]:
    """The buckets that a sign-in by a provider is counted in."""
    return [(guarding.BY_NETWORK, asking.browser.neighbourhood())]


async def begin(
    core: Core,
    shop: Shop,
    asking: Asking,
    provider_id: UUID,
    purpose: Purpose,
    *,
    member: Member | None = None,
    redirect_uri: str | None = None,
    onward: str = "/account",
) -> Sent:
    """Where to send a browser, to sign in or, if it is a member's, to link an identity or to prove anew who they are.

    Raises:
        SessionUnknown: the browser has no session, by which it could be known again.
        ProviderNotFound, ProviderUnusable, NotInvited, RedirectRefused, TooManyAttempts.
    """
    if asking.current is None:
        raise SessionUnknown
    back = redirect_uri or f"{asking.home}{return_path(provider_id)}"
    if redirect_uri is not None:
        _require_ours(core.outbound, shop, asking, redirect_uri)
    async with core.database.tx(shop.id, read_only=True) as tx:
        provider = await _usable(tx, provider_id)
        if purpose == "link" and member is not None:
            await require_fit(tx, provider, member.account_id)
    await guarding.count(core.database, shop.id, tries(asking))
    metadata = await core.issuers.metadata(core.outbound, provider.kind, provider.issuer)
    async with core.database.tx(shop.id) as tx:
        await providers.hold(tx, provider.id)
        return await attempts.begin(
            tx,
            provider,
            metadata,
            purpose=purpose,
            session_id=asking.current.session_id,
            account_id=member.account_id if member else None,
            redirect_uri=back,
            onward=onward,
        )


async def require_fit(tx: Tx, provider: Provider, account_id: UUID) -> None:
    """Stop somebody who doesn't work here from linking what only staff sign in by.

    Raises:
        NotInvited.
    """
    if provider.audience == "staff":
        found = await staffing.of_account(tx, account_id)
        if found is None or found.status != "active":
            raise NotInvited


async def _usable(tx: Tx, provider_id: UUID) -> Provider:
    provider = await providers.one(tx, provider_id)
    if not provider.is_enabled:
        raise ProviderNotFound
    return provider


def _require_ours(outbound: Outbound, shop: Shop, asking: Asking, url: str) -> None:
    """A page of the shop's, or of an origin that it lets ask its API: to nobody else is a code sent."""
    try:
        require_secure(outbound, url)
    except ProviderUnusable as fault:
        raise RedirectRefused from fault
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    if "#" in url or origin not in {asking.home, *shop.settings.get("cors_origins", ())}:
        raise RedirectRefused
