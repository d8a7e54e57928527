"""Identities of an account: linked, listed, let go. Its owner is told of each change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from commerce.accounts import managing
from commerce.accounts.managing import LastWayIn
from commerce.external_sign_in.claiming import keep, require_domain
from commerce.external_sign_in.starting import require_fit
from commerce.federation import identities, providers, requirement
from commerce.federation.identities import Identity, IdentityTaken, Subject
from commerce.federation.providers import Provider
from commerce.http import Core, Member
from commerce.identity import accounts, proofs
from commerce.identity.proofs import ProofNotGood, Purpose, Shown
from commerce.sessions.signing_in import Asking
from commerce.staffing import service as staffing
from commerce.tenancy.service import Shop
from foundation import sealing
from foundation.database import Tx


@dataclass(frozen=True, slots=True)
class Linked:
    """An identity of an account, and the provider that knows it."""

    identity: Identity
    provider: Provider | None
    """None of those that the shop has now."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An identity that waits to be linked."""

    provider_name: str
    label: str


async def every(tx: Tx, account_id: UUID) -> list[Linked]:
    """The identities of an account, the oldest first."""
    there = {one.id: one for one in await providers.every(tx)}
    return [Linked(one, there.get(one.provider_id)) for one in await identities.of(tx, account_id)]


async def linkable(tx: Tx, account_id: UUID, linked: Sequence[Linked]) -> list[Provider]:
    """The providers that the owner of an account may link and has not; those of staff if they work here."""
    known = {one.identity.provider_id for one in linked}
    member = await staffing.of_account(tx, account_id)
    audiences = {"customers", "staff"} if member is not None and member.status == "active" else {"customers"}
    there = await providers.every(tx, usable=True)
    return [one for one in there if one.id not in known and one.audience in audiences]


async def link(core: Core, shop: Shop, asking: Asking, account_id: UUID, provider: Provider, subject: Subject) -> None:
    """Link an identity to an account; one that is linked to it already stays as it is.

    Raises:
        IdentityTaken: it is another account's.
        NotInvited, DomainRefused, ProviderNotFound.
    """
    try:
        await _link(core, shop, asking, account_id, provider, subject)
    except IdentityTaken:
        async with core.database.tx(shop.id, read_only=True) as tx:
            if await identities.whose(tx, subject.issuer, subject.subject) != account_id:
                raise


async def _link(core: Core, shop: Shop, asking: Asking, account_id: UUID, provider: Provider, subject: Subject) -> None:
    async with core.database.tx(shop.id) as tx:
        await providers.hold(tx, provider.id)
        if provider.audience == "staff":
            require_domain(provider, subject.domain)
        await require_fit(tx, provider, account_id)
        await keep(tx, await accounts.by_id(tx, account_id, hold=True), provider, subject)
        await managing.tell(tx, asking, account_id, f"{provider.name} can sign you in from now on")


async def waiting(core: Core, shop: Shop, member: Member, ticket: str) -> Waiting:
    """The identity that a ticket stands for.

    Raises:
        ProofNotGood: the ticket is over, or another browser's.
        ProviderNotFound.
    """
    async with core.database.tx(shop.id, read_only=True) as tx:
        shown = await proofs.look(tx, Purpose.IDENTITY, ticket)
        _require_same_browser(shown, member)
        provider = await providers.one(tx, UUID(shown.content["provider_id"]))
    return Waiting(provider.name, shown.content["label"])


async def link_waiting(core: Core, shop: Shop, asking: Asking, member: Member, ticket: str) -> None:
    """Link the identity that a ticket stands for, which is used up by that. Where it is refused, it may be tried again
    a few times: in another account, or once what was in the way is gone.

    Raises:
        ProofNotGood: the ticket is over, was tried too often, or is another browser's.
        IdentityTaken, NotInvited, DomainRefused, ProviderNotFound.
    """
    async with core.database.tx(shop.id) as tx:
        shown = await proofs.count(tx, Purpose.IDENTITY, ticket)
    _require_same_browser(shown, member)
    said = shown.content
    async with core.database.tx(shop.id, read_only=True) as tx:
        provider = await providers.one(tx, UUID(said["provider_id"]))
    subject = Subject(said["issuer"], said["subject"], said["label"], said["domain"])
    await link(core, shop, asking, member.account_id, provider, subject)
    async with core.database.tx(shop.id) as tx:
        target = identities.subject_digest(shop.id, subject.issuer, subject.subject)
        await proofs.end(tx, [Purpose.IDENTITY], [target])
        await sealing.drop(tx, shown.subject_id)


async def unlink(core: Core, shop: Shop, asking: Asking, member: Member, identity_id: UUID) -> None:
    """Let an identity go.

    Raises:
        IdentityNotFound.
        LastWayIn: nobody could sign in to the account any more, or not in the way that the shop asks of its staff.
    """
    async with core.database.tx(shop.id) as tx:
        await accounts.by_id(tx, member.account_id, hold=True)
        provider_id = await identities.unlink(tx, member.account_id, identity_id)
        await managing.require_way_in(tx, member.account_id)
        left = {one.provider_id for one in await identities.of(tx, member.account_id)}
        if await requirement.binds(tx, member.account_id) == provider_id and provider_id not in left:
            raise LastWayIn
        name = next((one.name for one in await providers.every(tx) if one.id == provider_id), "A provider")
        await managing.tell(tx, asking, member.account_id, f"{name} can't sign you in any more")


def _require_same_browser(shown: Shown, member: Member) -> None:
    if shown.content["visitor_id"] != str(member.shopper.visitor_id):
        raise ProofNotGood
