"""Whose account an identity opens, when somebody signs in by it.

An identity that is linked opens its account. One that isn't is linked by its address only where nobody could have
prepared that: the provider says that the address is theirs, the account's owner has proved it too, and nobody works
here by that account. Anybody else signs in the way they did before and links it then (docs/decisions/0014).
"""

from __future__ import annotations

from commerce.accounts import managing
from commerce.federation import identities, providers
from commerce.federation.id_tokens import Claims
from commerce.federation.identities import IdentityTaken, Subject
from commerce.federation.providers import Provider
from commerce.federation.refusals import DomainRefused, LinkFirst, NotInvited
from commerce.http import Core
from commerce.identity import accounts, proofs
from commerce.identity import service as identity
from commerce.identity.accounts import Account, AddressTaken
from commerce.identity.proofs import ProofNotGood, Purpose
from commerce.identity.service import Elsewhere
from commerce.policies.limits import Said
from commerce.sessions import signing_in
from commerce.sessions.signing_in import Asking, Outcome
from commerce.staffing import accepting, hiring, service
from commerce.staffing.granting import grant_of
from commerce.staffing.refusals import WorksHereAlready
from commerce.tenancy.service import Shop
from foundation.database import Tx
from foundation.ids import new_id

BY_ANOTHERS_WORD = "fed"
"""How somebody proved who they are, in a session's `amr`."""


async def sign_in(core: Core, shop: Shop, asking: Asking, provider: Provider, claims: Claims) -> Outcome:
    """Sign in whoever a provider says is there.

    Raises:
        LinkFirst, NotInvited, DomainRefused, StaffProviderRequired.
        ProviderNotFound: it was removed or switched off meanwhile.
    """
    try:
        return await _signed_in(core, shop, asking, provider, claims)
    except (IdentityTaken, AddressTaken, WorksHereAlready, ProofNotGood):
        # Somebody did the same at the same moment: what they made is found now.
        return await _signed_in(core, shop, asking, provider, claims)


async def _signed_in(core: Core, shop: Shop, asking: Asking, provider: Provider, claims: Claims) -> Outcome:
    async with core.database.tx(shop.id) as tx:
        await providers.hold(tx, provider.id)
        find = _staff if provider.audience == "staff" else _customer
        account = await find(tx, asking, provider, claims)
        if account is not None:
            session = identities.session_digest(tx.tenant_id, claims.issuer, claims.session)
            elsewhere = Elsewhere(provider.id, claims.authenticated_at, session)
            return await signing_in.sign_in(
                tx, account, core.settings, asking, amr=[BY_ANOTHERS_WORD], elsewhere=elsewhere
            )
        ticket = await _ticket(tx, asking, provider, claims)
    raise LinkFirst(ticket=ticket)


async def _customer(tx: Tx, asking: Asking, provider: Provider, claims: Claims) -> Account | None:
    known = await _linked(tx, claims)
    if known is not None:
        return known
    if not claims.email_verified or claims.email is None:
        return None
    account = await accounts.by_email(tx, claims.email)
    if account is None:
        return await _made(tx, provider, claims, claims.email, buys=True)
    if account.email_verified_at is None or await service.of_account(tx, account.id) is not None:
        return None
    return await _adopted(tx, asking, account, provider, claims)


async def _staff(tx: Tx, asking: Asking, provider: Provider, claims: Claims) -> Account | None:
    """Whoever works here, or begins to: by an invitation, or by the provider's rule."""
    require_domain(provider, claims.domain)
    known = await _linked(tx, claims)
    if known is not None:
        member = await service.of_account(tx, known.id)
        if member is None:
            await _hire(tx, known, provider, claims)
        elif member.status != "active":
            raise NotInvited
        return known
    if not claims.email_verified or claims.email is None:
        return None
    account = await accounts.by_email(tx, claims.email)
    if account is None:
        account = await _made(tx, provider, claims, claims.email, buys=False)
    elif account.email_verified_at is None or await service.of_account(tx, account.id) is not None:
        return None
    else:
        account = await _adopted(tx, asking, account, provider, claims)
    await _hire(tx, account, provider, claims)
    return account


async def _linked(tx: Tx, claims: Claims) -> Account | None:
    account_id = await identities.account_of(tx, claims.issuer, claims.subject)
    return await accounts.by_id(tx, account_id) if account_id is not None else None


async def _made(tx: Tx, provider: Provider, claims: Claims, email: str, *, buys: bool) -> Account:
    name = claims.name or email.partition("@")[0]
    account = await accounts.create(tx, display_name=name, email=email, verified=True, buys=buys)
    await keep(tx, account, provider, claims.whom)
    return account


async def _adopted(tx: Tx, asking: Asking, account: Account, provider: Provider, claims: Claims) -> Account:
    """An account whose owner has proved the address that the provider says is theirs; they are told."""
    held = await accounts.by_id(tx, account.id, hold=True)
    await keep(tx, held, provider, claims.whom)
    await managing.tell(tx, asking, held.id, f"{provider.name} can sign you in from now on")
    return held


async def keep(tx: Tx, account: Account, provider: Provider, subject: Subject) -> None:
    """Link an identity to an account.

    Raises:
        IdentityTaken.
    """
    await identities.link(tx, account.id, account.subject_id, provider_id=provider.id, subject=subject)


async def _hire(tx: Tx, account: Account, provider: Provider, claims: Claims) -> None:
    """They begin to work here, and whoever was signed in to the account by other ways is not any more.

    Raises:
        NotInvited: nobody has invited them, and the provider has no rule for them.
    """
    if not claims.email_verified or claims.email is None:
        raise NotInvited
    invitation = await service.invited_at(tx, claims.email)
    if invitation is not None:
        await accepting.take_up(tx, invitation, account.id)
    elif provider.role is not None and provider.domains:
        await service.make_room(tx)
        by = f"provider:{provider.id}"
        await hiring.hire(tx, account.id, grant_of([provider.role], [], Said()), vendor_id=None, by=by)
    else:
        raise NotInvited
    await identity.revoke_all(tx, account.id)


def require_domain(provider: Provider, domain: str | None) -> None:
    """Stop whoever is not of the domains that a provider is for.

    Raises:
        DomainRefused.
    """
    if provider.domains and domain not in provider.domains:
        raise DomainRefused


async def _ticket(tx: Tx, asking: Asking, provider: Provider, claims: Claims) -> str:
    """What stands for an identity until its owner has signed in; good in the browser that brought it."""
    content = {
        "provider_id": str(provider.id),
        "visitor_id": str(asking.current.visitor_id) if asking.current else None,
        "issuer": claims.issuer,
        "subject": claims.subject,
        "label": claims.whom.label,
        "domain": claims.domain,
    }
    target = identities.subject_digest(tx.tenant_id, claims.issuer, claims.subject)
    return await proofs.issue_token(
        tx, Purpose.IDENTITY, target=target, subject_id=new_id(), content=content, attempts=proofs.ATTEMPTS
    )
