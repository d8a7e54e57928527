"""A browser that comes back from a provider: it is known again, the code is exchanged, the token is looked at."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from commerce.accounts.proving import FactorNeeded
from commerce.external_sign_in import claiming, linking
from commerce.external_sign_in.starting import tries
from commerce.factors.service import required_factors
from commerce.federation import attempts, exchange, id_tokens, identities, providers
from commerce.federation.attempts import Attempt, Purpose
from commerce.federation.id_tokens import Claims
from commerce.federation.providers import OpenedProvider
from commerce.federation.refusals import AttemptOver, Cancelled, NotBelieved, NotProvedAnew, OtherIdentity
from commerce.http import Core, Member
from commerce.identity import service as identity
from commerce.sessions import guarding
from commerce.sessions.signing_in import Asking, Outcome, SignedIn
from commerce.tenancy.service import Shop

ANY: tuple[Purpose, ...] = ("sign_in", "link", "step_up")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a browser brings back."""

    state: str
    code: str | None = None
    issuer: str | None = None
    """Who says to have sent it (RFC 9207)."""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Back:
    """A browser that was known again."""

    attempt: Attempt
    provider: OpenedProvider


async def recognise(core: Core, shop: Shop, asking: Asking, state: str, purposes: tuple[Purpose, ...] = ANY) -> Back:
    """The attempt that a browser comes back from. It can't come back once more.

    Raises:
        AttemptOver: it is another browser's, or over; also when whoever began it has signed out meanwhile.
        ProviderNotFound, ProviderUnusable: the provider was removed or switched off meanwhile.
    """
    current = asking.current
    if current is None:
        raise AttemptOver
    async with core.database.tx(shop.id) as tx:
        attempt = await attempts.take(tx, state, current.session_id, purposes)
    if attempt.account_id is not None and attempt.account_id != current.account_id:
        raise AttemptOver
    async with core.database.tx(shop.id, read_only=True) as tx:
        return Back(attempt, await providers.opened(tx, attempt.provider_id))


async def sign_in(core: Core, shop: Shop, asking: Asking, back: Back, answer: Answer) -> Outcome:
    """Sign in whoever came back.

    Raises:
        Cancelled, NotBelieved, ProviderUnusable: the provider did not say who they are, or not so that it holds.
        LinkFirst: they may have an account here, which their address alone doesn't open.
        NotInvited, DomainRefused, StaffProviderRequired: they may not come in by it.
    """
    claims = await _claims(core, back, answer)
    outcome = await claiming.sign_in(core, shop, asking, back.provider, claims)
    if isinstance(outcome, SignedIn):
        await guarding.forgive(core.database, shop.id, tries(asking))
    return outcome


async def link(core: Core, shop: Shop, asking: Asking, member: Member, back: Back, answer: Answer) -> None:
    """Link the identity that a member came back with to their account; one of theirs stays as it is.

    Raises:
        Cancelled, NotBelieved, ProviderUnusable, NotInvited, DomainRefused.
        IdentityTaken: it is linked to another account.
    """
    claims = await _claims(core, back, answer)
    await linking.link(core, shop, asking, member.account_id, back.provider, claims.whom)


async def step_up(core: Core, shop: Shop, member: Member, back: Back, answer: Answer) -> str:
    """Prove anew who one is, by a provider that has asked for it since we sent them there: the session's new token.

    Raises:
        Cancelled, NotBelieved, ProviderUnusable.
        OtherIdentity: it knows somebody else.
        NotProvedAnew: it does not say when it asked, or that was before.
        FactorNeeded: the account has a second factor, which proves more.
    """
    claims = await _claims(core, back, answer)
    when = claims.authenticated_at
    if when is None or when.timestamp() < int(back.attempt.started_at.timestamp()) - id_tokens.LEEWAY:
        raise NotProvedAnew
    async with core.database.tx(shop.id) as tx:
        if await identities.account_of(tx, claims.issuer, claims.subject) != member.account_id:
            raise OtherIdentity
        strong = await required_factors(tx, member.account_id)
        if strong:
            raise FactorNeeded(factors=list(strong))
        return await identity.rotate(tx, member.shopper.session_id, amr=[claiming.BY_ANOTHERS_WORD])


async def _claims(core: Core, back: Back, answer: Answer) -> Claims:
    """What the provider says, all of it looked at."""
    provider, attempt = back.provider, back.attempt
    metadata = await core.issuers.metadata(core.outbound, provider.kind, provider.issuer)
    named = answer.issuer
    if (named is None and metadata.names_itself) or (named is not None and not _same(named, metadata.issuer)):
        raise NotBelieved(reason="issuer")
    if answer.error is not None:
        raise Cancelled(error=exchange.error_of(answer.error))
    if answer.code is None:
        raise NotBelieved(reason="code")
    tokens = await exchange.exchange(
        core.outbound,
        provider,
        metadata,
        code=answer.code,
        redirect_uri=attempt.redirect_uri,
        verifier=attempt.verifier,
    )
    expected = id_tokens.Expected(provider.client_id, attempt.nonce, attempt.started_at, tokens.access_token)
    return await id_tokens.verified(core.issuers, core.outbound, provider.kind, metadata, tokens.id_token, expected)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
