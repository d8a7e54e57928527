"""Accepting an invitation: whoever shows its link has proved the address that it was sent to."""

from __future__ import annotations

from uuid import UUID

import asyncpg
from sqlalchemy import text

from commerce.http import Core
from commerce.identity import accounts, proofs
from commerce.identity import service as identity
from commerce.identity.accounts import Account
from commerce.identity.proofs import ProofNotGood, Purpose
from commerce.sessions import signing_in
from commerce.sessions.signing_in import Asking, Outcome
from commerce.staffing import service
from commerce.staffing.refusals import UnknownMember, WorksHereAlready
from commerce.staffing.schemas import InvitationOut, MemberOut
from commerce.tenancy.service import Shop
from foundation import audit, clock
from foundation.database import Tx, hot
from foundation.errors import Unprocessable


class NameNeeded(Unprocessable):
    """Whoever accepts has no account with this address yet, so they need a name."""

    code = "staffing.name_needed"


_ACCEPT = hot(
    text(
        """
        UPDATE membership SET account_id = :account_id, status = 'active', accepted_at = CAST(:now AS timestamptz),
               email = NULL, version = version + 1
        WHERE tenant_id = :tenant_id AND id = :id AND status = 'invited'
        RETURNING id
        """
    )
)


async def look(tx: Tx, token: str) -> InvitationOut:
    """What an invitation is for.

    Raises:
        ProofNotGood: it is over, or was taken back.
    """
    member = await _invited(tx, await proofs.look(tx, Purpose.STAFF, token))
    account = await accounts.by_email(tx, member.email or "")
    return InvitationOut(email=member.email or "", has_account=account is not None, roles=member.roles)


async def accept(
    core: Core, shop: Shop, asking: Asking, *, token: str, display_name: str | None, password: str | None
) -> Outcome:
    """Begin to work here, signed in: to the account with the address, or to a new one.

    Where nobody had proved the address of the account, whoever made it is signed out and their password is gone.

    Raises:
        ProofNotGood: it is over, or was taken back.
        NameNeeded: there is no account with the address, and no name was given for one.
        WorksHereAlready, PasswordTooShort, PasswordCompromised.
    """
    password_hash = None
    if password is not None:
        core.passwords.accept(password, about=(display_name or "", shop.name))
        password_hash = await core.passwords.hash(password)
    async with core.database.tx(shop.id) as tx:
        member = await _invited(tx, await proofs.redeem(tx, Purpose.STAFF, token))
        account = await _account(tx, member.email or "", display_name, password_hash)
        await take_up(tx, member.id, account.id)
        return await signing_in.sign_in(tx, account, core.settings, asking, amr=["otp"])


async def take_up(tx: Tx, member_id: UUID, account_id: UUID) -> None:
    """The owner of an account begins to work here, as they were invited to; its link is over.

    Raises:
        ProofNotGood: the invitation is over, or was taken back.
        WorksHereAlready.
    """
    try:
        if await tx.one(_ACCEPT, {"id": member_id, "account_id": account_id, "now": clock.now()}) is None:
            raise ProofNotGood
    except asyncpg.UniqueViolationError as fault:
        raise WorksHereAlready from fault
    await proofs.end(tx, [Purpose.STAFF], [member_id.bytes])
    await audit.record(tx, actor=f"account:{account_id}", action="staffing.accepted", object=f"member:{member_id}")


async def _account(tx: Tx, email: str, display_name: str | None, password_hash: str | None) -> Account:
    account = await accounts.by_email(tx, email)
    if account is None:
        if display_name is None:
            raise NameNeeded
        return await accounts.create(
            tx, display_name=display_name, email=email, verified=True, password_hash=password_hash, buys=False
        )
    if account.email_verified_at is None:
        await identity.revoke_all(tx, account.id)
        await accounts.keep_password(tx, account.id, password_hash)
        account = await accounts.prove_email(tx, account, email)
    return account


async def _invited(tx: Tx, shown: proofs.Shown) -> MemberOut:
    try:
        member = await service.one(tx, UUID(shown.content["member_id"]))
    except UnknownMember as fault:
        raise ProofNotGood from fault
    if member.status != "invited" or member.email is None:
        raise ProofNotGood
    return member
