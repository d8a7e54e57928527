"""Who asks about what is kept of them: signed in, or, as a guest, by a link to the address that they bought with.

Nobody has to open an account to be given their data or to be forgotten. A link is sent to any address, known here or
not, and the answer is the same; it is good for a while and for nothing but this. Where the address is an account's, the
mail signs in to that: a second factor that its owner has set up is asked for as always.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy import text

import commerce.privacy.letters  # noqa: F401  (declared before any is sent)
from commerce.http import Core, CoreDep, Member, ShopDep, shopper_or_none, shopper_token_of
from commerce.identity import accounts, proofs
from commerce.identity.accounts import Account
from commerce.identity.proofs import ProofNotGood, Purpose
from commerce.identity.service import SessionUnknown, Shopper, SignInRequired
from commerce.notifications.service import Recipient
from commerce.orders import adopting
from commerce.recently import require
from commerce.sessions.sending import Sending
from commerce.sessions.signing_in import reached_at
from commerce.tenancy.service import Shop
from foundation import sealing
from foundation.access import CUSTOMER, needs
from foundation.database import Tx, hot
from foundation.errors import NotFound, Unauthenticated
from foundation.ids import new_id
from foundation.veil import Personal

PREFIX = "twp_"
"""What such a token begins with, where it stands in place of a session's."""
PAGE = "/account/privacy"


class LinkOver(Unauthenticated):
    """This link is over: it is too old, or a newer one was sent."""

    code = "privacy.link_over"


class NothingKept(NotFound):
    """Nothing is kept here about whoever has this address."""

    code = "privacy.nothing_kept"


@dataclass(frozen=True, slots=True)
class Person:
    """A customer who has proved who they are."""

    id: UUID
    principal: str
    """Their account; of a guest the customer."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Where somebody is told things."""

    name: str
    to: Recipient


# uq_customer_email_digest: whoever is made at the same moment is read afterwards. ix_orders_email_digest
_ADD = hot(
    text(
        """
        INSERT INTO customer (tenant_id, id, reference, display_name, email, email_digest)
        SELECT :tenant_id, CAST(:id AS uuid), :reference, :display_name, :email, CAST(:digest AS bytea)
        WHERE EXISTS (SELECT FROM orders o
                      WHERE o.tenant_id = :tenant_id AND o.email_digest = :digest AND o.customer_id IS NULL)
        ON CONFLICT DO NOTHING
        """
    )
)
_CUSTOMER = hot(text("SELECT id, display_name, email FROM customer WHERE tenant_id = :tenant_id AND id = :customer_id"))


async def send_link(sending: Sending, *, email: str) -> None:
    """Send a link by which whoever can read an address asks about what is kept of them.

    Raises:
        TooManyAttempts: too much was sent there, or from here.
    """
    await sending.count_mail(email)
    home, shop_id = sending.asking.home, sending.shop.id
    async with sending.core.database.tx(shop_id) as tx:
        account = await accounts.by_email(tx, email)
        if account is not None and account.customer_id is not None:
            purpose, subject_id, link = Purpose.LINK, account.subject_id, f"{home}/sign-in/link?token="
        else:
            subject_id = await accounts.customer_with(tx, email) or new_id()
            purpose, link = Purpose.PERSONAL_DATA, f"{home}{PAGE}/proof?token={PREFIX}"
        token = await proofs.issue_token(
            tx,
            purpose,
            target=accounts.email_digest(tx.tenant_id, email),
            subject_id=subject_id,
            content={"email": email},
        )
        await sending.mail(tx, "your_data", subject_id, email, link=f"{link}{token}")


async def by_token(core: Core, shop: Shop, token: str) -> Person:
    """The guest whose address a link was sent to. What they ordered by it is one customer's from then on.

    Raises:
        LinkOver, NothingKept.
    """
    async with core.database.tx(shop.id) as tx:
        try:
            shown = await proofs.look(tx, Purpose.PERSONAL_DATA, token.removeprefix(PREFIX))
        except ProofNotGood as fault:
            raise LinkOver from fault
        customer_id = await _guest(tx, shown.content["email"], shown.subject_id)
    if customer_id is None:
        raise NothingKept
    return Person(customer_id, f"customer:{customer_id}")


async def _guest(tx: Tx, email: str, customer_id: UUID) -> UUID | None:
    """The customer with an address; one who is new gets the id by whose key the mail to them is sealed, so that it goes
    with them.
    """
    address = email.strip().lower()
    values = {
        "id": customer_id,
        "reference": f"guest-{customer_id}",
        "display_name": Personal(customer_id, address.partition("@")[0]),
        "email": Personal(customer_id, address),
        "digest": sealing.digest(tx.tenant_id, "email", address),
    }
    known = await accounts.customer_with(tx, email)
    if known is None:
        await tx.rows(_ADD, values)
        known = await accounts.customer_with(tx, email)
    if known is not None:
        await adopting.adopt(tx, customer_id=known, email=email)
    return known


def person_of(shopper: Shopper) -> Person:
    """Somebody who has signed in.

    Raises:
        SignInRequired: they have not, or buy as nobody.
    """
    if shopper.customer_id is None:
        raise SignInRequired
    account_id = shopper.account_id
    return Person(shopper.customer_id, f"account:{account_id}" if account_id else f"customer:{shopper.customer_id}")


async def recent(core: Core, shopper: Shopper) -> Person:
    """Somebody who has signed in to their account, and proved just now who they are.

    Raises:
        SignInRequired, ProveAgain.
    """
    if shopper.account_id is None:
        raise SignInRequired
    person = person_of(shopper)
    await require(core, Member(shopper.account_id, shopper))
    return person


async def _shown(request: Request, core: Core, shop: Shop) -> Person | Shopper:
    token = shopper_token_of(request)
    if token is not None and token.startswith(PREFIX):
        return await by_token(core, shop, token)
    shopper = await shopper_or_none(request, core, shop)
    if shopper is None:
        raise SessionUnknown
    return shopper


@needs(CUSTOMER)
async def _person(request: Request, core: CoreDep, shop: ShopDep) -> Person:
    shown = await _shown(request, core, shop)
    return shown if isinstance(shown, Person) else person_of(shown)


@needs(CUSTOMER.proved_anew)
async def _recent_person(request: Request, core: CoreDep, shop: ShopDep) -> Person:
    shown = await _shown(request, core, shop)
    return shown if isinstance(shown, Person) else await recent(core, shown)


PersonDep = Annotated[Person, Depends(_person)]
"""Raises SessionUnknown, SessionExpired, SignInRequired, LinkOver, NothingKept: nobody has proved who they are."""
RecentPersonDep = Annotated[Person, Depends(_recent_person)]
"""Raises the same, and ProveAgain: not lately enough."""


async def reached(tx: Tx, customer_id: UUID, locale: str) -> Reached | None:
    """Where a customer is told about their data: as their account is reached, else at the address the shop has."""
    account: Account | None = await accounts.by_customer(tx, customer_id)
    if account is not None:
        to = reached_at(account, locale)
        return Reached(account.display_name, to) if to is not None else None
    row = await tx.one(_CUSTOMER, {"customer_id": customer_id})
    if row is None or not row["email"]:
        return None
    return Reached(row["display_name"], Recipient(customer_id, "email", row["email"], locale))
