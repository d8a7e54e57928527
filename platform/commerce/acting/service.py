"""Being in the shop as a customer: begun by a person of the staff, entered once, seen by the customer.

What holds it and how it ends stands in `commerce.identity.acting`, what may be done meanwhile in
`commerce.policies.areas`.

Its session agrees to nothing: what is done in it is counted, and teaches no model anything about the customer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from commerce.acting.customers import CustomerNotFound
from commerce.acting.schemas import CATEGORIES, ActingIn, SupportVisit, SupportVisits
from commerce.identity import accounts, acting, proofs
from commerce.identity import service as identity
from commerce.identity.acting import Ending
from commerce.identity.people import NotStaff
from commerce.identity.proofs import ProofNotGood, Purpose
from commerce.identity.service import KnownCustomer, Shopper
from commerce.identity.staff import Staff
from commerce.notifications import letters
from commerce.notifications import service as notifications
from commerce.notifications.letters import Letter
from commerce.sessions.signing_in import reached_at
from commerce.tenancy.service import Shop
from foundation import audit, clock, sealing
from foundation.database import Tx, hot
from foundation.ids import new_id

LASTS = timedelta(minutes=30)
"""From when it was begun; nothing makes it longer."""

letters.declare(
    support_acted=Letter(
        "{{ shop }} is looking into something for you",
        "Hello {{ name }},\n\nsomebody of {{ shop }}'s support is in the shop in your name from {{ at }}, for half an "
        "hour at most. It is about {{ about }}. They can't see or change how you sign in, what you pay with, or what "
        "you agreed to.\n\nIf you did not ask for help, tell the shop.",
        "See when support acted",
    )
)


@dataclass(frozen=True, slots=True)
class Begun:
    """It waits to be entered."""

    id: UUID
    token: str
    ends_at: datetime


_CUSTOMER = hot(
    text("SELECT id FROM customer WHERE tenant_id = :tenant_id AND id = CAST(:id AS uuid) AND erased_at IS NULL")
)
# Whoever begins holds their membership: of two at once, the second ends what the first began.
_HOLD_MEMBER = hot(
    text(
        "SELECT id FROM membership WHERE tenant_id = :tenant_id AND id = :membership_id AND status = 'active'"
        " FOR UPDATE"
    )
)
# uq_acting_membership
_BEGIN = hot(
    text(
        """
        INSERT INTO acting (tenant_id, id, membership_id, customer_id, visitor_id, staff_session_id, category, reason,
                            ticket, started_at, ends_at)
        VALUES (:tenant_id, :id, :membership_id, :customer_id, :visitor_id, :staff_session_id, :category, :reason,
                CAST(:ticket AS text), CAST(:now AS timestamptz), CAST(:ends_at AS timestamptz))
        """
    )
)
_WHOM = hot(
    text(
        """
        SELECT a.customer_id, a.visitor_id, c.display_name FROM acting a
        JOIN customer c ON c.tenant_id = a.tenant_id AND c.id = a.customer_id
        WHERE a.tenant_id = :tenant_id AND a.id = :id
        """
    )
)
# ix_acting_customer
_OF_CUSTOMER = hot(
    text(
        """
        SELECT id, category, started_at, coalesce(ended_at, ends_at) AS ended_at,
               ended_at IS NOT NULL OR ends_at <= CAST(:now AS timestamptz) AS is_over
        FROM acting WHERE tenant_id = :tenant_id AND customer_id = :customer_id
        ORDER BY started_at DESC, id DESC LIMIT 100
        """
    )
)


async def begin(tx: Tx, shop: Shop, by: Staff, customer_id: UUID, asked: ActingIn, *, front: str) -> Begun:
    """Begin to act as a customer, for half an hour; what the same person had begun before is over.

    `front` is the address of the shop's pages, for the letter to the customer.

    Raises:
        NotStaff: they were shut out this very moment.
        CustomerNotFound.
    """
    if await tx.one(_CUSTOMER, {"id": customer_id}) is None:
        raise CustomerNotFound
    if by.membership_id is None or await tx.one(_HOLD_MEMBER, {"membership_id": by.membership_id}) is None:
        raise NotStaff(signed_in=True)
    await acting.end_of_member(tx, by.membership_id, Ending.SUPERSEDED)
    begun_id, now = new_id(), clock.now()
    told = [asked.reason, *([asked.ticket] if asked.ticket else [])]
    reason, *ticket = await sealing.seal(tx, customer_id, told)
    values = {
        "id": begun_id,
        "membership_id": by.membership_id,
        "customer_id": customer_id,
        "visitor_id": new_id(),
        "staff_session_id": by.session_id,
        "category": asked.category,
        "reason": reason,
        "ticket": ticket[0] if ticket else None,
        "now": now,
        "ends_at": now + LASTS,
    }
    await tx.rows(_BEGIN, values)
    await audit.record(
        tx,
        actor=by.principal,
        action="acting.begun",
        object=f"customer:{customer_id}",
        reason=asked.reason,
        about=customer_id,
        details={"acting": begun_id, "category": asked.category},
    )
    token = await proofs.issue_token(
        tx,
        Purpose.ACTING,
        target=by.membership_id.bytes,
        subject_id=new_id(),
        content={"acting_id": str(begun_id)},
    )
    await _tell(tx, shop, customer_id, asked, front)
    return Begun(begun_id, token, now + LASTS)


async def enter(tx: Tx, token: str) -> tuple[str, Shopper]:
    """Come into the shop as the customer, once: a session of its own, which no token of before leads to.

    Raises:
        ProofNotGood: it was used, it is too old, another was begun, or whoever began it may not act any more.
    """
    shown = await proofs.redeem(tx, Purpose.ACTING, token)
    staff = await acting.standing(tx, UUID(shown.content["acting_id"]))
    whom = await tx.one(_WHOM, {"id": staff.id}) if staff else None
    if staff is None or whom is None:
        raise ProofNotGood
    return await identity.open_session(
        tx,
        ttl=staff.ends_at - clock.now(),
        visitor_id=whom["visitor_id"],
        customer=KnownCustomer(whom["customer_id"], whom["display_name"]),
        acting=staff,
    )


async def leave(tx: Tx, by: Staff) -> None:
    """End whatever they have begun."""
    if by.membership_id is not None:
        await acting.end_of_member(tx, by.membership_id, Ending.LEFT)


async def visits(tx: Tx, customer_id: UUID) -> SupportVisits:
    """When somebody acted as the customer, and what it was about; not who, and not in which words."""
    rows = await tx.rows(_OF_CUSTOMER, {"customer_id": customer_id, "now": clock.now()})
    return SupportVisits(
        items=[
            SupportVisit(
                id=row["id"],
                category=row["category"],
                began_at=row["started_at"],
                ended_at=row["ended_at"],
                is_over=row["is_over"],
            )
            for row in rows
        ]
    )


async def _tell(tx: Tx, shop: Shop, customer_id: UUID, asked: ActingIn, front: str) -> None:
    """Tell the customer, unless the shop has decided otherwise, or they have nothing to be reached by."""
    if not shop.settings.get("acting", {}).get("tell_customer", True):
        return
    account = await accounts.by_customer(tx, customer_id)
    to = reached_at(account, shop.locale) if account else None
    if account is None or to is None:
        return
    values = {
        "name": account.display_name,
        "at": f"{clock.now():%Y-%m-%d %H:%M} UTC",
        "about": CATEGORIES[asked.category],
        "link": f"{front}/account/devices",
    }
    await notifications.send(tx, "support_acted", to, values)
