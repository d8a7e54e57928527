"""Logout tokens: a provider says that somebody has signed out there (OpenID Connect Back-Channel Logout 1.0)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from commerce.federation import id_tokens
from commerce.federation.issuers import Issuers, Metadata
from commerce.federation.providers import Provider
from commerce.federation.refusals import NotBelieved
from foundation import clock
from foundation.outbound import Outbound

EVENT = "http://schemas.openid.net/event/backchannel-logout"
LIVES = timedelta(minutes=5)
"""From when it was made; the provider may say less."""
_TYPES = {None, "JWT", "logout+jwt"}


@dataclass(frozen=True, slots=True)
class SignedOut:
    """Whose sessions are over: those of one session of the provider's, or all of somebody's, or both."""

    id: str
    """The token's own (`jti`)."""
    session: str | None
    subject: str | None


async def verified(
    issuers: Issuers, outbound: Outbound, provider: Provider, metadata: Metadata, token: str
) -> SignedOut:
    """Who has signed out, once all that section 2.6 asks for has been seen but whether the token was shown before.

    Raises:
        NotBelieved.
        ProviderUnusable: its keys can't be had.
    """
    header, claims = await id_tokens.signed(issuers, outbound, provider.kind, metadata, token)
    if header.get("typ") not in _TYPES:
        raise NotBelieved(reason="type")
    id_tokens.require_ours(claims, metadata, provider.client_id)
    id_tokens.require_now(claims, since=clock.now() - LIVES)
    events = claims.get("events")
    # An ID token, which a browser may have come by, holds a nonce and no event.
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict) or "nonce" in claims:
        raise NotBelieved(reason="events")
    session, subject = id_tokens.named(claims, "sid"), id_tokens.named(claims, "sub")
    if session is None and subject is None:
        raise NotBelieved(reason="subject")
    token_id = claims.get("jti")
    if not isinstance(token_id, str) or not token_id:
        raise NotBelieved(reason="id")
    return SignedOut(token_id, session, subject)
