"""A password that is forgotten: a link to the account's address lets whoever can read it choose another."""

from __future__ import annotations

from uuid import UUID

from commerce.accounts.changing import replace_password
from commerce.http import Core
from commerce.identity import accounts, proofs
from commerce.identity.proofs import ProofNotGood, Purpose
from commerce.sessions.sending import Sending
from commerce.sessions.signing_in import Asking
from commerce.tenancy.service import Shop
from foundation.ids import new_id


async def ask(sending: Sending, *, email: str) -> None:
    """Send a link to choose another password; where there is no such account, a mail that says so.

    Raises:
        TooManyAttempts: too much was sent there, or from here.
    """
    await sending.count_mail(email)
    home = sending.asking.home
    async with sending.core.database.tx(sending.shop.id) as tx:
        account = await accounts.by_email(tx, email)
        subject_id = account.subject_id if account else new_id()
        content = {"account_id": str(account.id) if account else ""}
        target = accounts.email_digest(tx.tenant_id, email)
        token = await proofs.issue_token(tx, Purpose.RESET, target=target, subject_id=subject_id, content=content)
        if account is None:
            await sending.mail(tx, "not_registered", subject_id, email, link=f"{home}/register")
        else:
            link = f"{home}/forgotten/choose?token={token}"
            await sending.mail(tx, "reset_password", subject_id, email, name=account.display_name, link=link)


async def choose(core: Core, shop: Shop, asking: Asking, *, token: str, password: str) -> None:
    """Choose another password. Whoever was signed in to the account is not any more, and its owner is told.

    Nobody is signed in by it: where the account asks for a second factor, that is asked for as ever.

    Raises:
        PasswordTooShort, PasswordCompromised: it is no good as a password; the link is as it was.
        ProofNotGood: the link is over.
        TooBusy: too many sign in at this moment.
    """
    core.passwords.accept(password, about=(shop.name,))
    async with core.database.tx(shop.id, read_only=True) as tx:
        await proofs.look(tx, Purpose.RESET, token)
    password_hash = await core.passwords.hash(password)
    async with core.database.tx(shop.id) as tx:
        shown = await proofs.redeem(tx, Purpose.RESET, token)
        if not shown.content["account_id"]:
            raise ProofNotGood
        account = await accounts.by_id(tx, UUID(shown.content["account_id"]), hold=True)
        if account.email is not None and account.email_verified_at is None:
            account = await accounts.prove_email(tx, account, account.email)
        await replace_password(tx, account, asking, password_hash)
