"""Ways to sign in: each proves one thing, and ends in `signing_in.sign_in`."""

from __future__ import annotations

from uuid import UUID

from commerce.http import Core
from commerce.identity import accounts, proofs
from commerce.identity import service as identity
from commerce.identity.accounts import Account
from commerce.identity.proofs import CodeWrong, Purpose
from commerce.sessions import guarding, signing_in
from commerce.sessions.sending import Sending, Sent
from commerce.sessions.signing_in import Asking, Outcome, SignedIn
from commerce.tenancy.service import Shop
from foundation.database import Tx
from foundation.errors import Unauthenticated
from foundation.ids import new_id
from foundation.settings import Settings


class WrongCredentials(Unauthenticated):
    """The e-mail address or the password is not right."""

    code = "identity.wrong_credentials"


async def by_password(core: Core, shop: Shop, asking: Asking, *, email: str, password: str) -> Outcome:
    """Sign in by e-mail address and password. To find that there is no such account takes the same work as to find
    that the password is another: as many statements, and as many hashes.

    Raises:
        WrongCredentials: they are not those of an account here.
        TooManyAttempts: it was tried too often; the password is not looked at, be it right or wrong.
        TooBusy: too many sign in at this moment.
    """
    digest = accounts.email_digest(shop.id, email)
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await accounts.credentials(tx, email)
        tries = await guarding.trying(tx, found.account_id if found else None, asking.browser, digest)
    await guarding.count(core.database, shop.id, tries)
    verdict = await core.passwords.verify(found.password_hash if found else None, password)
    if found is None or not verdict.is_right:
        raise WrongCredentials
    async with core.database.tx(shop.id) as tx:
        account = await accounts.by_id(tx, found.account_id, hold=True)
        if account.password_hash != found.password_hash:
            raise WrongCredentials  # it was changed meanwhile
        if verdict.renewed is not None:
            await accounts.keep_password(tx, account.id, verdict.renewed, is_new=False)
        outcome = await signing_in.sign_in(tx, account, core.settings, asking, amr=["pwd"])
    if isinstance(outcome, SignedIn):  # a ticket for second factors counts: each is good for some guesses
        await guarding.forgive(core.database, shop.id, tries)
    return outcome


async def ask_for_link(sending: Sending, *, email: str) -> None:
    """Send a link that signs in whoever can read an address, and makes an account where there is none.

    Raises:
        TooManyAttempts: too much was sent there, or from here.
    """
    await sending.count_mail(email)
    async with sending.core.database.tx(sending.shop.id) as tx:
        account = await accounts.by_email(tx, email)
        subject_id = account.subject_id if account else new_id()
        target = accounts.email_digest(tx.tenant_id, email)
        token = await proofs.issue_token(
            tx, Purpose.LINK, target=target, subject_id=subject_id, content={"email": email}
        )
        link = f"{sending.asking.home}/sign-in/link?token={token}"
        await sending.mail(tx, "sign_in_link", subject_id, email, link=link)


async def by_link(tx: Tx, token: str, settings: Settings, asking: Asking) -> Outcome:
    """Sign in by a link that was sent to an address.

    Raises:
        ProofNotGood: the link is over.
    """
    shown = await proofs.redeem(tx, Purpose.LINK, token)
    email = shown.content["email"]
    account = await accounts.by_email(tx, email)
    if account is None:
        name = email.partition("@")[0]
        account = await accounts.create(tx, account_id=shown.subject_id, display_name=name, email=email, verified=True)
    elif account.email_verified_at is None:
        account = await _claimed(tx, account, email)
    return await signing_in.sign_in(tx, account, settings, asking, amr=["otp"])


async def _claimed(tx: Tx, account: Account, email: str) -> Account:
    """An account whose address nobody had proved is whose address it is. Whoever made it may be somebody else, so the
    password that they chose and the sessions that they have are over.
    """
    await accounts.keep_password(tx, account.id, None)
    await identity.revoke_all(tx, account.id)
    return await accounts.prove_email(tx, account, email)


async def ask_for_code(sending: Sending, *, phone: str) -> Sent:
    """Send a code that signs in whoever can read what is texted to a number, and makes an account where there is none.

    Raises:
        PhoneInvalid: nobody can have that number.
        TooManyAttempts: too much was sent there, or from here.
    """
    number = accounts.phone_of(phone, sending.shop.locale)
    async with sending.core.database.tx(sending.shop.id, read_only=True) as tx:
        account = await accounts.by_phone(tx, number)
    subject_id = account.subject_id if account else new_id()
    return await sending.code(Purpose.CODE, "sign_in_code", number, subject_id, {})


async def by_code(core: Core, shop: Shop, asking: Asking, *, proof_id: UUID, code: str) -> Outcome:
    """Sign in by a code that was sent to a number.

    Raises:
        CodeWrong: it is not right, or over; after five wrong ones a new one is needed.
        TooManyAttempts: codes were tried too often from here.
    """
    tries = [(guarding.BY_NETWORK, asking.browser.neighbourhood())]
    await guarding.count(core.database, shop.id, tries)
    async with core.database.tx(shop.id) as tx:
        shown = await proofs.try_code(tx, Purpose.CODE, proof_id, code)
    if shown is None:
        raise CodeWrong
    async with core.database.tx(shop.id) as tx:
        account = await accounts.by_phone(tx, shown.content["phone"])
        if account is None:
            name = f"Guest {shown.content['phone'][-4:]}"
            account = await accounts.create(
                tx, account_id=shown.subject_id, display_name=name, phone=shown.content["phone"], verified=True
            )
        outcome = await signing_in.sign_in(tx, account, core.settings, asking, amr=["sms"])
    await guarding.forgive(core.database, shop.id, tries)
    return outcome
