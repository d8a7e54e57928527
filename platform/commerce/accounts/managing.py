"""Looking after second factors: each change is told to the account's owner, and a new one counts for the session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from commerce.accounts.proving import owner_of, relying_party
from commerce.factors import passkeys, recovery, totp
from commerce.factors import service as factors
from commerce.factors.passkeys import Asked
from commerce.federation import identities
from commerce.http import Core, Member
from commerce.identity import accounts
from commerce.identity import service as identity
from commerce.identity.accounts import Account
from commerce.notifications import service as notifications
from commerce.notifications.letters import Letter, declare
from commerce.recently import MORE_THAN_ONE
from commerce.sessions import signing_in
from commerce.sessions.signing_in import Asking
from commerce.tenancy.service import Shop
from commerce.throttling import service as throttling
from foundation import clock
from foundation.database import Tx
from foundation.errors import Conflict

declare(
    factor_changed=Letter(
        "How you sign in has changed",
        "Hello {{ name }},\n\n{{ what }}, at {{ shop }}, on {{ at }}.\n\nIf it was you, there is nothing to do. If "
        "not, choose a new password at once, and remove what you don't know.",
        "See how I sign in",
    )
)


class NoFactor(Conflict):
    """Recovery codes stand in for an authenticator app or a passkey; set one up first."""

    code = "factors.no_factor"


@dataclass(frozen=True, slots=True)
class Begun:
    """An app that is being set up."""

    secret: str
    address: str
    picture: str


@dataclass(frozen=True, slots=True)
class Added:
    """A factor counts from now on."""

    token: str
    """The session's new one."""
    recovery_codes: tuple[str, ...]
    """With the first factor; shown once."""


@dataclass(frozen=True, slots=True)
class PasskeyAdded(Added):
    """A passkey counts from now on."""

    id: UUID


async def begin_authenticator(core: Core, shop: Shop, member: Member) -> Begun:
    """Set up an app.

    Raises:
        AuthenticatorExists: there is one.
    """
    async with core.database.tx(shop.id) as tx:
        account = await accounts.by_id(tx, member.account_id)
        secret = await totp.begin(tx, account.id, account.subject_id)
    return _begun(shop, account, secret)


async def begun_authenticator(core: Core, shop: Shop, member: Member) -> Begun | None:
    """The app that is being set up, if one is: to show it once more after a wrong code."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        account = await accounts.by_id(tx, member.account_id)
        secret = await totp.pending(tx, account.id)
    return _begun(shop, account, secret) if secret else None


def _begun(shop: Shop, account: Account, secret: str) -> Begun:
    address = totp.address(secret, name=owner_of(account).name, issuer=shop.name)
    return Begun(secret, address, totp.picture(address))


async def confirm_authenticator(core: Core, shop: Shop, asking: Asking, member: Member, code: str) -> Added:
    """Show the first code of an app; the session has proved it.

    Raises:
        CodeRefused, NothingToConfirm, TooManyCodes.
    """
    await throttling.take(core.database, shop.id, factors.ATTEMPTS, str(member.account_id))
    async with core.database.tx(shop.id) as tx:
        codes = await factors.confirm_authenticator(tx, member.account_id, code)
        await tell(tx, asking, member.account_id, "an authenticator app was added to your account")
        token = await identity.rotate(tx, member.shopper.session_id, amr=["otp", MORE_THAN_ONE])
    await throttling.give_back(core.database, shop.id, factors.ATTEMPTS, str(member.account_id))
    return Added(token, tuple(codes or ()))


async def remove_authenticator(core: Core, shop: Shop, asking: Asking, member: Member) -> None:
    """Forget the app, if there is one."""
    async with core.database.tx(shop.id) as tx:
        if await factors.remove_authenticator(tx, member.account_id):
            await tell(tx, asking, member.account_id, "the authenticator app was removed from your account")


async def renew_recovery_codes(core: Core, shop: Shop, asking: Asking, member: Member) -> list[str]:
    """Ten new recovery codes.

    Raises:
        NoFactor: there is nothing that they stand in for.
    """
    async with core.database.tx(shop.id) as tx:
        if not await factors.required_factors(tx, member.account_id):
            raise NoFactor
        await tell(tx, asking, member.account_id, "new recovery codes were made for your account")
        return await recovery.renew(tx, member.account_id)


async def ask_for_new_passkey(core: Core, shop: Shop, asking: Asking, member: Member) -> Asked:
    """Ask a browser to make a passkey.

    Raises:
        TooManyPasskeys.
    """
    async with core.database.tx(shop.id) as tx:
        owner = owner_of(await accounts.by_id(tx, member.account_id))
        return await passkeys.ask_to_register(tx, owner, relying_party(shop, asking), member.shopper.session_id)


async def add_passkey(
    core: Core,
    shop: Shop,
    asking: Asking,
    member: Member,
    challenge_id: UUID,
    credential: Mapping[str, Any],
    name: str,
) -> PasskeyAdded:
    """Keep a passkey; the session has proved it.

    Raises:
        PasskeyRefused, PasskeyKnown.
    """
    rp, session_id = relying_party(shop, asking), member.shopper.session_id
    async with core.database.tx(shop.id) as tx:
        owner = owner_of(await accounts.by_id(tx, member.account_id, hold=True))
        passkey_id = await passkeys.register(tx, owner, rp, session_id, challenge_id, credential, name)
        codes = await factors.first_codes(tx, member.account_id)
        await tell(tx, asking, member.account_id, "a passkey was added to your account")
        token = await identity.rotate(tx, session_id, amr=["hwk", MORE_THAN_ONE])
    return PasskeyAdded(token, tuple(codes or ()), passkey_id)


async def rename_passkey(core: Core, shop: Shop, member: Member, passkey_id: UUID, name: str) -> None:
    """Call a passkey something else.

    Raises:
        PasskeyNotFound.
    """
    async with core.database.tx(shop.id) as tx:
        owner = owner_of(await accounts.by_id(tx, member.account_id))
        await passkeys.rename(tx, owner, passkey_id, name)


async def remove_passkey(core: Core, shop: Shop, asking: Asking, member: Member, passkey_id: UUID) -> None:
    """Forget a passkey.

    Raises:
        PasskeyNotFound, LastWayIn.
    """
    async with core.database.tx(shop.id) as tx:
        await accounts.by_id(tx, member.account_id, hold=True)
        await factors.remove_passkey(tx, member.account_id, passkey_id)
        await require_way_in(tx, member.account_id)
        await tell(tx, asking, member.account_id, "a passkey was removed from your account")


class LastWayIn(Conflict):
    """Nobody could sign in to the account any more; set a password or prove an address first."""

    code = "identity.last_way_in"


async def require_way_in(tx: Tx, account_id: UUID) -> None:
    """Stop what would leave an account without any way to sign in to it; `tx` is not committed then.

    Raises:
        LastWayIn.
    """
    account = await accounts.by_id(tx, account_id)
    if not (_opens(account) or await passkeys.of(tx, account_id) or await identities.of(tx, account_id, usable=True)):
        raise LastWayIn


def _opens(account: Account) -> bool:
    """Whether its owner can sign in by a password, by a link in a mail, or by a code in a text message."""
    return bool(account.password_hash or account.email_verified_at or account.phone_verified_at)


async def tell(tx: Tx, asking: Asking, account_id: UUID, what: str) -> None:
    """Tell the owner of an account that how they sign in has changed."""
    account = await accounts.by_id(tx, account_id)
    to = signing_in.reached_at(account, asking.locale)
    if to is not None and to.channel == "email":
        at = f"{clock.now():%Y-%m-%d %H:%M} UTC"
        values = {"name": account.display_name, "what": what, "at": at, "link": f"{asking.home}/account/security"}
        await notifications.send(tx, "factor_changed", to, values)
