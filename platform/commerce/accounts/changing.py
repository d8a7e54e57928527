"""What an account is reached by, and its password, become others."""

from __future__ import annotations

from uuid import UUID

from commerce import recently
from commerce.factors.service import required_factors
from commerce.http import Core, Member
from commerce.identity import accounts, proofs
from commerce.identity import service as identity
from commerce.identity.accounts import Account
from commerce.identity.proofs import CodeWrong, Purpose
from commerce.notifications import service as notifications
from commerce.notifications.service import Recipient
from commerce.sessions import guarding, signing_in
from commerce.sessions.sending import Sending, Sent
from commerce.sessions.service import WrongCredentials
from commerce.sessions.signing_in import Asking
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.database import Tx


async def change_password(
    core: Core, shop: Shop, asking: Asking, member: Member, *, current: str | None, new: str
) -> str:
    """Keep another password. Every other session of the account ends, this one has another token (which is given
    back), and the account's owner is told.

    Raises:
        PasswordTooShort, PasswordCompromised: the new one is no good.
        WrongCredentials: the present one is not right.
        ProveAgain: there is none yet, or the account has a second factor, and it has been a while since they proved
            who they are.
        TooManyAttempts, TooBusy.
    """
    async with core.database.tx(shop.id, read_only=True) as tx:
        account = await accounts.by_id(tx, member.account_id)
    about = tuple(value for value in (account.email, account.display_name, shop.name) if value)
    core.passwords.accept(new, about=about)
    await prove(core, shop, member, account, current)
    password_hash = await core.passwords.hash(new)
    async with core.database.tx(shop.id) as tx:
        held = await accounts.by_id(tx, account.id, hold=True)
        if held.password_hash != account.password_hash:
            raise WrongCredentials  # it was changed meanwhile
        await replace_password(tx, account, asking, password_hash, except_id=member.shopper.session_id)
        return await identity.rotate(tx, member.shopper.session_id, amr=["pwd"] if current else [])


async def prove(core: Core, shop: Shop, member: Member, account: Account, password: str | None) -> None:
    """Let somebody who is signed in prove by their password that it is still them.

    Raises:
        WrongCredentials: it is not right.
        ProveAgain: the account has none, or a second factor besides, and it has been a while since they proved who they
            are.
        TooManyAttempts, TooBusy.
    """
    async with core.database.tx(shop.id, read_only=True) as tx:
        strong = await required_factors(tx, account.id)
    if strong or account.password_hash is None:
        await recently.require(core, member)
    if account.password_hash is None:
        return
    tries = [(guarding.KNOWN, f"session {member.shopper.session_id}")]
    await guarding.count(core.database, shop.id, tries)
    if not (await core.passwords.verify(account.password_hash, password or "")).is_right:
        raise WrongCredentials
    await guarding.forgive(core.database, shop.id, tries)


async def ask_for_email(sending: Sending, member: Member, *, email: str) -> None:
    """Send a link to another address, which is the account's once somebody shows it.

    Raises:
        TooManyAttempts: too much was sent there, or from here.
    """
    await sending.count_mail(email)
    async with sending.core.database.tx(sending.shop.id) as tx:
        account = await accounts.by_id(tx, member.account_id)
        content = {"account_id": str(account.id), "email": email}
        token = await proofs.issue_token(
            tx, Purpose.CHANGE_EMAIL, target=account.id.bytes, subject_id=account.subject_id, content=content
        )
        link = f"{sending.asking.home}/account/email/confirm?token={token}"
        await sending.mail(tx, "change_email", account.subject_id, email, name=account.display_name, link=link)


async def confirm_email(tx: Tx, token: str, asking: Asking) -> None:
    """The address that the link was sent to is the account's; whoever reads the old one is told.

    Raises:
        ProofNotGood: the link is over.
        AddressTaken: another account has that address.
    """
    shown = await proofs.redeem(tx, Purpose.CHANGE_EMAIL, token)
    before = await accounts.by_id(tx, UUID(shown.content["account_id"]), hold=True)
    account = await accounts.prove_email(tx, before, shown.content["email"])
    await signing_in.gather(tx, account)
    if before.email is not None and before.email_verified_at is not None and before.email != account.email:
        to = Recipient(account.subject_id, "email", before.email, asking.locale)
        await notifications.send(tx, "email_changed", to, {"name": account.display_name, "at": _now()})


async def ask_for_phone(sending: Sending, member: Member, *, phone: str) -> Sent:
    """Send a code to another number, which is the account's once it is shown.

    Raises:
        PhoneInvalid: nobody can have that number.
        TooManyAttempts: too much was sent there, or from here.
    """
    number = accounts.phone_of(phone, sending.shop.locale)
    async with sending.core.database.tx(sending.shop.id, read_only=True) as tx:
        account = await accounts.by_id(tx, member.account_id)
    content = {"account_id": str(account.id)}
    return await sending.code(Purpose.CHANGE_PHONE, "phone_code", number, account.subject_id, content)


async def confirm_phone(core: Core, shop: Shop, member: Member, *, proof_id: UUID, code: str) -> None:
    """The number that the code was sent to is the account's.

    Raises:
        CodeWrong: it is not right, or over.
        AddressTaken: another account has that number.
    """
    async with core.database.tx(shop.id) as tx:
        shown = await proofs.try_code(tx, Purpose.CHANGE_PHONE, proof_id, code)
    if shown is None or shown.content["account_id"] != str(member.account_id):
        raise CodeWrong
    async with core.database.tx(shop.id) as tx:
        account = await accounts.by_id(tx, member.account_id, hold=True)
        await accounts.prove_phone(tx, account, shown.content["phone"])


_OF_THE_OLD = (Purpose.RESET, Purpose.LINK, Purpose.CHANGE_EMAIL, Purpose.SECOND_FACTOR)


async def replace_password(
    tx: Tx, account: Account, asking: Asking, password_hash: str, *, except_id: UUID | None = None
) -> None:
    """Keep another password. What was begun or opened under the old one is over, and the account's owner is told."""
    await accounts.keep_password(tx, account.id, password_hash)
    await identity.revoke_all(tx, account.id, except_id=except_id)
    reached = [accounts.email_digest(tx.tenant_id, account.email)] if account.email else []
    await proofs.end(tx, _OF_THE_OLD, [account.id.bytes, *reached])
    to = signing_in.reached_at(account, asking.locale)
    if to is not None:
        values = {"name": account.display_name, "at": _now(), "link": f"{asking.home}/forgotten"}
        await notifications.send(tx, "password_changed", to, values)


def _now() -> str:
    return f"{clock.now():%Y-%m-%d %H:%M} UTC"
