"""Registering with an e-mail address: there is no account before its owner has proved that it is theirs.

So nobody can take an address that is another's, not even for a while, and nothing of a guest's is given to whoever only
says an address. What is asked for and what is answered is the same for an address that is registered already; its owner
gets another mail.
"""

from __future__ import annotations

from commerce.identity import accounts, proofs
from commerce.identity import service as identity
from commerce.identity.proofs import ProofNotGood, Purpose
from commerce.sessions import signing_in
from commerce.sessions.sending import Sending
from commerce.sessions.signing_in import Asking, Outcome
from foundation.database import Tx
from foundation.ids import new_id
from foundation.settings import Settings


async def register(sending: Sending, *, email: str, password: str, display_name: str) -> None:
    """Send a link that makes the account; to somebody who has one, a link that signs in to it.

    Raises:
        PasswordTooShort, PasswordCompromised: it is no good as a password.
        TooManyAttempts: too much was sent there, or from here.
        TooBusy: too many sign in at this moment.
    """
    core, asking = sending.core, sending.asking
    core.passwords.accept(password, about=(email, email.partition("@")[0], display_name, sending.shop.name))
    await sending.count_mail(email)
    password_hash = await core.passwords.hash(password)
    async with core.database.tx(sending.shop.id) as tx:
        account = await accounts.by_email(tx, email)
        target = accounts.email_digest(tx.tenant_id, email)
        if account is None:
            subject_id = new_id()
            content = {"email": email, "display_name": display_name, "password_hash": password_hash}
            token = await proofs.issue_token(
                tx, Purpose.REGISTER, target=target, subject_id=subject_id, content=content
            )
            link = f"{asking.home}/register/confirm?token={token}"
            await sending.mail(tx, "register", subject_id, email, link=link)
        else:
            content = {"email": email}
            token = await proofs.issue_token(
                tx, Purpose.LINK, target=target, subject_id=account.subject_id, content=content
            )
            link = f"{asking.home}/sign-in/link?token={token}"
            await sending.mail(
                tx, "registered_already", account.subject_id, email, name=account.display_name, link=link
            )


async def confirm(tx: Tx, token: str, settings: Settings, asking: Asking) -> Outcome:
    """Make the account whose owner has shown the link, and sign in to it.

    Where there is an account by then whose address nobody had proved, it is theirs from now on: its password is the new
    one, and whoever was signed in to it is not any more.

    Raises:
        ProofNotGood: the link is over.
    """
    shown = await proofs.redeem(tx, Purpose.REGISTER, token)
    email, password_hash = shown.content["email"], shown.content["password_hash"]
    account = await accounts.by_email(tx, email)
    if account is None:
        account = await accounts.create(
            tx,
            account_id=shown.subject_id,
            display_name=shown.content["display_name"],
            email=email,
            verified=True,
            password_hash=password_hash,
        )
    elif account.email_verified_at is None:
        account = await accounts.prove_email(tx, account, email)
        await accounts.keep_password(tx, account.id, password_hash)
        await identity.revoke_all(tx, account.id)
    else:
        raise ProofNotGood
    return await signing_in.sign_in(tx, account, settings, asking, amr=["otp"])
