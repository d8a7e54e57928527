"""Signing in: what every way to prove who one is ends in.

Whoever has proved to be the owner of an account gets a new session; the one they had is dead, so a token that somebody
else planted or saw before stands for nobody. What they gathered as a visitor comes along: cart, things kept for later,
and, once their address is proved, orders placed with it as a guest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from commerce.consent import service as consenting
from commerce.factors.service import required_factors
from commerce.federation import requirement
from commerce.identity import accounts, devices, proofs
from commerce.identity import service as identity
from commerce.identity.accounts import Account
from commerce.identity.browsers import Browser
from commerce.identity.proofs import ProofNotGood, Purpose, Shown
from commerce.identity.service import Authentication, Elsewhere, KnownCustomer, Shopper
from commerce.notifications import service as notifications
from commerce.notifications.service import Recipient
from commerce.orders import adopting
from commerce.sessions.bringing import bring_along
from foundation import clock, sealing
from foundation.database import Tx
from foundation.settings import Settings

MORE_THAN_ONE = "mfa"
"""What a session is marked with whose owner has shown more than one factor (RFC 8176)."""
FACTOR_ATTEMPTS = 5
"""How often a second factor may be tried before the first must be shown again."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A request to sign in: the session it came with, its browser, and what to say in mails about it."""

    current: Shopper | None
    browser: Browser
    locale: str
    home: str
    """The shop's address, such as `https://shop.example`, for links in mails."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session."""

    token: str
    shopper: Shopper
    device_token: str
    """What the browser is known by from now on."""


@dataclass(frozen=True, slots=True)
class SecondFactorNeeded:
    """The first factor was right, and the account asks for another."""

    ticket: str
    """Stands for the first factor; to be shown with the second."""
    factors: tuple[str, ...]
    """Those of which one is needed."""
    expires_at: datetime


Outcome = SignedIn | SecondFactorNeeded


async def sign_in(
    tx: Tx,
    account: Account,
    settings: Settings,
    asking: Asking,
    *,
    amr: Sequence[str],
    elsewhere: Elsewhere | None = None,
) -> Outcome:
    """Somebody has proved, by `amr` (RFC 8176), to be the owner of an account: a session, unless it asks for more.

    What is more than one factor by itself (`mfa`: a passkey that was unlocked) is enough. `elsewhere` is the provider
    that they proved it to.

    Raises:
        StaffProviderRequired: they work here, and the shop's staff come by its own provider.
    """
    await requirement.require(tx, account.id, elsewhere.provider_id if elsewhere else None)
    factors = await required_factors(tx, account.id)
    if not factors or MORE_THAN_ONE in amr:
        return await _open(tx, account, settings, asking, amr, elsewhere)
    ticket = await proofs.issue_token(
        tx,
        Purpose.SECOND_FACTOR,
        target=account.id.bytes,
        subject_id=account.subject_id,
        content={
            "account_id": str(account.id),
            "amr": list(amr),
            "session_id": str(asking.current.session_id) if asking.current else None,
            "elsewhere": _written(elsewhere),
        },
        attempts=FACTOR_ATTEMPTS,
    )
    return SecondFactorNeeded(ticket, factors, clock.now() + proofs.LIVES[Purpose.SECOND_FACTOR])


async def waiting(tx: Tx, ticket: str, asking: Asking) -> Account:
    """The account of a sign-in that waits for its second factor.

    Raises:
        ProofNotGood: it is over, or another browser's.
        AccountNotFound: the account was closed meanwhile.
    """
    return await _whose(tx, await proofs.look(tx, Purpose.SECOND_FACTOR, ticket), asking)


async def whose_ticket(tx: Tx, ticket: str, asking: Asking) -> Account:
    """The account of a sign-in that waits for its second factor; one attempt is counted once `tx` is committed.

    Raises:
        ProofNotGood: it is over, another browser's, or there have been too many attempts.
        AccountNotFound: the account was closed meanwhile.
    """
    return await _whose(tx, await proofs.count(tx, Purpose.SECOND_FACTOR, ticket), asking)


async def _whose(tx: Tx, shown: Shown, asking: Asking) -> Account:
    """A ticket is good in the browser that showed the first factor, if that had a session to be known by."""
    session_id = shown.content["session_id"]
    if session_id is not None and (asking.current is None or session_id != str(asking.current.session_id)):
        raise ProofNotGood
    return await accounts.by_id(tx, UUID(shown.content["account_id"]))


async def finish(tx: Tx, ticket: str, settings: Settings, asking: Asking, *, amr: Sequence[str]) -> SignedIn:
    """The second factor was right too, as `amr` says: the session. The ticket is used up.

    Raises:
        ProofNotGood: the ticket is over.
        AccountNotFound: the account was closed meanwhile.
        StaffProviderRequired: the shop's staff have to come by its own provider meanwhile.
    """
    shown = await proofs.redeem(tx, Purpose.SECOND_FACTOR, ticket)
    account, elsewhere = await accounts.by_id(tx, UUID(shown.content["account_id"])), _read(shown)
    await requirement.require(tx, account.id, elsewhere.provider_id if elsewhere else None)
    return await _open(tx, account, settings, asking, [*shown.content["amr"], *amr, MORE_THAN_ONE], elsewhere)


def _written(elsewhere: Elsewhere | None) -> list[str | None] | None:
    """A provider's word, for the time until the second factor is shown."""
    if elsewhere is None:
        return None
    at = elsewhere.authenticated_at
    session = elsewhere.session.hex() if elsewhere.session else None
    return [str(elsewhere.provider_id), at.isoformat() if at else None, session]


def _read(shown: Shown) -> Elsewhere | None:
    kept = shown.content.get("elsewhere")
    if kept is None:
        return None
    provider_id, at, session = kept
    return Elsewhere(
        UUID(provider_id), datetime.fromisoformat(at) if at else None, bytes.fromhex(session) if session else None
    )


async def gather(tx: Tx, account: Account) -> None:
    """What a guest did with an address that the account has proved is the account's."""
    if account.customer_id is not None and account.email is not None and account.email_verified_at is not None:
        await adopting.adopt(tx, customer_id=account.customer_id, email=account.email)


async def _open(
    tx: Tx, account: Account, settings: Settings, asking: Asking, amr: Sequence[str], elsewhere: Elsewhere | None
) -> SignedIn:
    device = await devices.recognise(tx, account.id, asking.browser)
    words = asking.browser.in_words()
    browser, address = await sealing.seal(tx, account.subject_id, [words, asking.browser.address])
    current = asking.current
    token, shopper = await identity.open_session(
        tx,
        ttl=timedelta(hours=settings.session_ttl_hours),
        visitor_id=current.visitor_id if current else None,
        customer=KnownCustomer(account.customer_id, account.display_name) if account.customer_id else None,
        agreed=await consenting.carried(tx, current, account.customer_id),
        authentication=Authentication(
            account_id=account.id,
            amr=tuple(dict.fromkeys(amr)),
            idle=timedelta(hours=settings.session_idle_hours),
            device_id=device.id,
            browser=browser,
            address=address,
            elsewhere=elsewhere,
        ),
    )
    if current is not None:
        await identity.revoke(tx, current.session_id)
        if current.customer_id is None:
            await bring_along(tx, visitor=current, shopper=shopper)
    await gather(tx, account)
    if not device.is_first and (device.is_new or device.is_elsewhere):
        await _alert(tx, account, asking)
    return SignedIn(token, shopper, device.token)


async def _alert(tx: Tx, account: Account, asking: Asking) -> None:
    """Tell the owner of a sign-in from a browser or a network that is new."""
    to = reached_at(account, asking.locale)
    if to is not None:
        values = {
            "name": account.display_name,
            "browser": asking.browser.in_words(),
            "address": asking.browser.address,
            "at": f"{clock.now():%Y-%m-%d %H:%M} UTC",
            "link": f"{asking.home}/account/devices",
        }
        await notifications.send(tx, "new_sign_in", to, values)


def reached_at(account: Account, locale: str) -> Recipient | None:
    """Where the owner of an account is told things: their address, else their number."""
    if account.email is not None and account.email_verified_at is not None:
        return Recipient(account.subject_id, "email", account.email, locale)
    if account.phone is not None and account.phone_verified_at is not None:
        return Recipient(account.subject_id, "sms", account.phone, locale)
    return None
