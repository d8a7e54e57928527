"""Second factors at work: to finish signing in, to prove anew who one is, and passkeys instead of a password."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from commerce.factors import passkeys
from commerce.factors import service as factors
from commerce.factors.passkeys import Asked, Owner, Purpose, RelyingParty
from commerce.federation import requirement
from commerce.http import Core, Member
from commerce.identity import accounts
from commerce.identity import service as identity
from commerce.identity.accounts import Account
from commerce.identity.service import SessionUnknown, Shopper
from commerce.recently import MORE_THAN_ONE
from commerce.sessions import guarding, signing_in
from commerce.sessions.service import WrongCredentials
from commerce.sessions.signing_in import Asking, Outcome, SignedIn
from commerce.tenancy.service import Shop
from commerce.throttling import service as throttling
from foundation.database import Tx
from foundation.errors import Unprocessable


class FactorNeeded(Unprocessable):
    """This account has a second factor: a password alone proves nothing more."""

    code = "factors.factor_needed"

    factors: list[str]


@dataclass(frozen=True, slots=True)
class PasskeyShown:
    """What a browser's authenticator answered to a challenge."""

    challenge_id: UUID
    credential: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CodeShown:
    """A code, of an app or on paper."""

    code: str


Shown = PasskeyShown | CodeShown


def relying_party(shop: Shop, asking: Asking) -> RelyingParty:
    """The shop, as an authenticator knows it: by the host that is asked, which the directory has."""
    return RelyingParty(urlsplit(asking.home).hostname or "", asking.home, shop.name)


def owner_of(account: Account) -> Owner:
    """Whom a passkey is made for."""
    name = account.email or account.phone or account.display_name
    return Owner(account.id, account.subject_id, name, account.display_name)


async def ask_for_passkey(core: Core, shop: Shop, asking: Asking) -> Asked:
    """Ask a browser for any passkey of the shop's, to sign in by it.

    Raises:
        SessionUnknown: the browser has no session, by which it could be known again.
    """
    async with core.database.tx(shop.id) as tx:
        session_id = _present(asking).session_id
        return await passkeys.ask(tx, relying_party(shop, asking), session_id, Purpose.SIGN_IN)


async def by_passkey(core: Core, shop: Shop, asking: Asking, shown: PasskeyShown) -> Outcome:
    """Sign in by a passkey, whoever's it is. It was unlocked, so no other factor is asked for.

    Raises:
        PasskeyRefused, PasskeyCopied: it does not hold.
        SessionUnknown: the browser has no session.
    """
    async with core.database.tx(shop.id) as tx:
        used = await _passkey(tx, shop, asking, Purpose.SIGN_IN, shown, None)
        account = await accounts.by_id(tx, used.account_id)
        return await signing_in.sign_in(tx, account, core.settings, asking, amr=used.amr)


async def ask_for_second_passkey(core: Core, shop: Shop, asking: Asking, ticket: str) -> Asked:
    """Ask a browser whose first factor was right for a passkey of the account.

    Raises:
        ProofNotGood: the ticket is over.
        SessionUnknown: the browser has no session.
    """
    async with core.database.tx(shop.id) as tx:
        account = await signing_in.waiting(tx, ticket, asking)
        session_id = _present(asking).session_id
        return await passkeys.ask(
            tx, relying_party(shop, asking), session_id, Purpose.SECOND_FACTOR, account_id=account.id
        )


async def second_factor(core: Core, shop: Shop, asking: Asking, ticket: str, shown: Shown) -> SignedIn:
    """Finish signing in.

    Raises:
        ProofNotGood: the first factor must be shown again: it has been too long, or there were too many tries.
        CodeRefused, PasskeyRefused, PasskeyCopied: the second is not right.
        TooManyCodes: too many codes were tried for this account.
    """
    async with core.database.tx(shop.id) as tx:
        account = await signing_in.whose_ticket(tx, ticket, asking)
    await _count(core, shop, account.id, shown)
    async with core.database.tx(shop.id) as tx:
        amr = await _shown(tx, shop, asking, Purpose.SECOND_FACTOR, account.id, shown)
        signed_in = await signing_in.finish(tx, ticket, core.settings, asking, amr=amr)
    await _forgive(core, shop, account.id, shown)
    return signed_in


async def ask_to_step_up(core: Core, shop: Shop, asking: Asking, member: Member) -> Asked:
    """Ask a browser that is signed in for a passkey of its account."""
    async with core.database.tx(shop.id) as tx:
        rp, session_id = relying_party(shop, asking), member.shopper.session_id
        return await passkeys.ask(tx, rp, session_id, Purpose.STEP_UP, account_id=member.account_id)


async def step_up(core: Core, shop: Shop, asking: Asking, member: Member, shown: Shown) -> str:
    """Prove anew, by a second factor, who one is: the session's new token.

    Raises:
        CodeRefused, PasskeyRefused, PasskeyCopied: it is not right.
        TooManyCodes: too many codes were tried for this account.
    """
    await _count(core, shop, member.account_id, shown)
    async with core.database.tx(shop.id) as tx:
        amr = await _shown(tx, shop, asking, Purpose.STEP_UP, member.account_id, shown)
        token = await identity.rotate(tx, member.shopper.session_id, amr=[*amr, MORE_THAN_ONE])
    await _forgive(core, shop, member.account_id, shown)
    return token


async def step_up_by_password(core: Core, shop: Shop, member: Member, password: str) -> str:
    """Prove anew, by the password, who one is, where the account has nothing stronger: the session's new token.

    Raises:
        FactorNeeded: the account has a second factor.
        StaffProviderRequired: they work here, and the shop's staff come by its own provider.
        WrongCredentials: the password is not right, or there is none.
        TooManyAttempts, TooBusy.
    """
    async with core.database.tx(shop.id, read_only=True) as tx:
        account = await accounts.by_id(tx, member.account_id)
        strong = await factors.required_factors(tx, member.account_id)
    if strong:
        raise FactorNeeded(factors=list(strong))
    tries = [(guarding.KNOWN, f"session {member.shopper.session_id}")]
    await guarding.count(core.database, shop.id, tries)
    verdict = await core.passwords.verify(account.password_hash, password)
    if account.password_hash is None or not verdict.is_right:
        raise WrongCredentials
    async with core.database.tx(shop.id) as tx:
        await requirement.require(tx, account.id, None)
        token = await identity.rotate(tx, member.shopper.session_id, amr=["pwd"])
    await guarding.forgive(core.database, shop.id, tries)
    return token


async def _shown(
    tx: Tx, shop: Shop, asking: Asking, purpose: Purpose, account_id: UUID, shown: Shown
) -> tuple[str, ...]:
    if isinstance(shown, CodeShown):
        return await factors.show_code(tx, account_id, shown.code)
    return (await _passkey(tx, shop, asking, purpose, shown, account_id)).amr


async def _passkey(
    tx: Tx, shop: Shop, asking: Asking, purpose: Purpose, shown: PasskeyShown, account_id: UUID | None
) -> passkeys.Used:
    rp, session_id = relying_party(shop, asking), _present(asking).session_id
    return await passkeys.use(tx, rp, session_id, purpose, shown.challenge_id, shown.credential, account_id=account_id)


def _present(asking: Asking) -> Shopper:
    if asking.current is None:
        raise SessionUnknown
    return asking.current


async def _count(core: Core, shop: Shop, account_id: UUID, shown: Shown) -> None:
    """Codes can be guessed; what a key has signed can't."""
    if isinstance(shown, CodeShown):
        await throttling.take(core.database, shop.id, factors.ATTEMPTS, str(account_id))


async def _forgive(core: Core, shop: Shop, account_id: UUID, shown: Shown) -> None:
    if isinstance(shown, CodeShown):
        await throttling.give_back(core.database, shop.id, factors.ATTEMPTS, str(account_id))
