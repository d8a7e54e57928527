"""Ways to sign in: each proves one thing, and ends in `signing_in.sign_in`."""

from __future__ import annotations

from commerce.http import Core
from commerce.identity import accounts
from commerce.sessions import guarding, signing_in
from commerce.sessions.signing_in import Asking, Outcome
from commerce.tenancy.service import Shop
from foundation.errors import Unauthenticated


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
    await guarding.forgive(core.database, shop.id, tries)
    return outcome
