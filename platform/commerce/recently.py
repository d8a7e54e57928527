"""Whoever does what is sensitive must have proved just now who they are (step-up; RFC 9470).

A session that was signed in, or proved anew, within some minutes will do; where the account has a second factor, only
if it has been shown. The refusal says what will do, so that a client knows what to ask for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends

from commerce.factors.service import required_factors
from commerce.federation import identities, providers
from commerce.federation.providers import Provider
from commerce.http import Core, CoreDep, Member, MemberDep, staff
from commerce.identity import accounts
from commerce.identity.service import Shopper
from commerce.identity.staff import Staff
from commerce.policies.registry import known
from foundation import clock
from foundation.access import CUSTOMER, Need, Who, needs
from foundation.database import Tx
from foundation.errors import Unauthenticated

SECONDS = 15 * 60
MORE_THAN_ONE = "mfa"
PASSWORD = "password"  # noqa: S105 - the name of a factor
PROVIDER = "provider"
SIGN_IN = "sign_in"


class ProveAgain(Unauthenticated):
    """It has been a while since you proved who you are: do so again by one of these, then ask once more."""

    code = "identity.prove_again"

    factors: list[str]
    """`totp`, `passkey`, `recovery_code`, `password`, `provider`, or `sign_in`: sign in anew, by a way that shows it.
    """
    seconds: int
    """How long it holds."""


def is_recent(who: Shopper | Staff, *, strong: bool, within: timedelta) -> bool:
    """Whether a session's owner has proved lately who they are; if `strong`, by more than one factor."""
    at = who.authenticated_at
    return at is not None and clock.now() - at <= within and (not strong or MORE_THAN_ONE in who.amr)


async def ways(tx: Tx, account_id: UUID) -> tuple[str, ...]:
    """What somebody can prove by who they are: their second factors if they have any, else their password, or a
    provider that tells when it has asked them.
    """
    strong = await required_factors(tx, account_id)
    if strong:
        return strong
    account = await accounts.by_id(tx, account_id)
    found = [PASSWORD] if account.password_hash is not None else []
    found += [PROVIDER] if await step_up_providers(tx, account_id) else []
    return tuple(found) or (SIGN_IN,)


async def step_up_providers(tx: Tx, account_id: UUID) -> list[Provider]:
    """The providers that know somebody and may tell when they last proved to them who they are."""
    linked = {one.provider_id for one in await identities.of(tx, account_id, usable=True)}
    return [one for one in await providers.every(tx, usable=True) if one.id in linked and one.peculiar.says_when]


async def require(core: Core, member: Member, *, seconds: int = SECONDS) -> None:
    """Stop whoever has not proved within so many seconds who they are.

    Raises:
        ProveAgain.
    """
    await _require(core, member.shopper, member.account_id, seconds)


async def require_staff(core: Core, by: Staff, *, seconds: int = SECONDS) -> None:
    """`require`, of one of the people who work here. A key, or a program, proves it with each request.

    Raises:
        ProveAgain.
    """
    if by.session_id is not None:
        await _require(core, by, by.key_id, seconds)


async def _require(core: Core, who: Shopper | Staff, account_id: UUID, seconds: int) -> None:
    async with core.database.tx(who.tenant_id, read_only=True) as tx:
        strong = bool(await required_factors(tx, account_id))
        if not is_recent(who, strong=strong, within=timedelta(seconds=seconds)):
            raise ProveAgain(factors=list(await ways(tx, account_id)), seconds=seconds)


def require_recent(seconds: int = SECONDS) -> Callable[..., Awaitable[Member]]:
    """A dependency that gives the account of whoever has proved within so many seconds who they are.

    Raises:
        SessionUnknown, SessionExpired, SignInRequired, ProveAgain: nobody has, or not lately enough.
    """

    @needs(CUSTOMER.proved_anew)
    async def proved(core: CoreDep, member: MemberDep) -> Member:
        await require(core, member, seconds=seconds)
        return member

    return proved


RecentMemberDep = Annotated[Member, Depends(require_recent())]


def staff_proved_anew(scope: str, seconds: int = SECONDS) -> Callable[..., Awaitable[Staff]]:
    """A dependency that gives whoever of the staff may do `scope` and has proved within so many seconds who they are. A
    key proves it with each request.

    Raises:
        KeyUnknown, NotStaff, ScopeMissing, OfAVendor, ProveAgain.
    """

    allowed = Depends(staff(scope))

    @needs(Need(Who.STAFF, known(scope)).proved_anew)
    async def proved(core: CoreDep, by: Staff = allowed) -> Staff:
        await require_staff(core, by, seconds=seconds)
        return by

    return proved
