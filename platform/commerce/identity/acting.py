"""Somebody of the staff who is in the shop as a customer: who it is, whether they still may, and the end of it.

It holds only as long as everything it rests on: asked at every request are the time it has, the session that it was
begun in, the membership, the permission, and that there still is such a customer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import text

from commerce.identity import membership, proofs
from commerce.identity.membership import held_by
from commerce.identity.proofs import Purpose
from commerce.policies import customers
from commerce.policies.limits import Giver, Limits
from foundation import audit, clock, sealing
from foundation.database import Tx, hot


class Ending(StrEnum):
    """How it came to its end."""

    LEFT = "left"
    """Whoever acted said so."""
    SUPERSEDED = "superseded"
    """They began another."""
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    """Whoever acted signed out, or lost the permission; the customer did not want it, or is not there any more; or the
    shop is closed.
    """


@dataclass(frozen=True, slots=True)
class ActingStaff:
    """The member of staff behind a session of a customer's."""

    id: UUID
    """Of the acting."""
    account_id: UUID
    membership_id: UUID
    name: str
    """What they are called."""
    ends_at: datetime
    limits: Limits
    """What bounds them, as a customer no less than at their own desk."""

    @property
    def giver(self) -> Giver:
        """In whose name they give value away."""
        return Giver(self.principal, self.limits)

    @property
    def principal(self) -> str:
        """Who it is, in the audit log."""
        return f"account:{self.account_id}"


# pk_acting, pk_membership, pk_account, pk_session, pk_customer
_STANDS = f"""
    SELECT a.id, a.customer_id, a.membership_id, a.visitor_id, a.ends_at, m.account_id,
           s.display_name, a.ends_at > CAST(:now AS timestamptz) AS in_time, {membership.COLUMN},
           m.status = 'active' AND s.status = 'active' AND c.erased_at IS NULL AND o.id IS NOT NULL AS unbroken
    FROM acting a
    JOIN membership m ON m.tenant_id = a.tenant_id AND m.id = a.membership_id
    JOIN account s ON s.tenant_id = m.tenant_id AND s.id = m.account_id
    JOIN customer c ON c.tenant_id = a.tenant_id AND c.id = a.customer_id
    LEFT JOIN session o ON o.tenant_id = a.tenant_id AND o.id = a.staff_session_id AND o.account_id = m.account_id
        AND o.revoked_at IS NULL AND o.expires_at > CAST(:now AS timestamptz)
        AND coalesce(o.idle_until > CAST(:now AS timestamptz), true)
    WHERE a.tenant_id = :tenant_id AND a.ended_at IS NULL
"""  # noqa: S608  (a literal)
_ONE = hot(text(f"{_STANDS} AND a.id = :id"))
# uq_acting_membership
_LIVE = hot(text(f"{_STANDS} ORDER BY a.id LIMIT 1000"))
_OF_MEMBER = hot(
    text(
        "SELECT id FROM acting WHERE tenant_id = :tenant_id AND membership_id = :membership_id AND ended_at IS NULL"
        " FOR UPDATE"
    )
)
# ix_acting_customer
_OF_CUSTOMER = hot(
    text(
        "SELECT id FROM acting WHERE tenant_id = :tenant_id AND customer_id = :customer_id AND ended_at IS NULL"
        " ORDER BY id FOR UPDATE"
    )
)
_EVERY = hot(text("SELECT id FROM acting WHERE tenant_id = :tenant_id AND ended_at IS NULL ORDER BY id"))
_END = hot(
    text(
        """
        WITH over AS (
            UPDATE acting SET ended_at = CAST(:now AS timestamptz), ending = :ending
            WHERE tenant_id = :tenant_id AND id = :id AND ended_at IS NULL
            RETURNING tenant_id, id, customer_id, membership_id),
        signed_out AS (
            UPDATE session s SET revoked_at = CAST(:now AS timestamptz) FROM over
            WHERE s.tenant_id = :tenant_id AND s.acting_id = over.id AND s.revoked_at IS NULL)
        SELECT o.customer_id, o.membership_id, m.account_id FROM over o
        JOIN membership m ON m.tenant_id = o.tenant_id AND m.id = o.membership_id
        """
    )
)


async def standing(tx: Tx, acting_id: UUID) -> ActingStaff | None:
    """Who acts, if they still may."""
    row = await tx.one(_ONE, {"id": acting_id, "now": clock.now()})
    if row is None or _over(row) is not None:
        return None
    (name,) = await sealing.unseal(tx, [row["display_name"]])
    limits = held_by(row["membership"]).limits
    return ActingStaff(row["id"], row["account_id"], row["membership_id"], name or "Support", row["ends_at"], limits)


async def end(tx: Tx, acting_id: UUID, ending: Ending, *, by: str | None = None) -> bool:
    """End it, with its session in the shop and what was handed over for it; `False` when it had ended before.

    `by` is the principal on whose word it ends; whoever acts, unless it is somebody else's.
    """
    row = await tx.one(_END, {"id": acting_id, "ending": ending, "now": clock.now()})
    if row is None:
        return False
    await proofs.end(tx, [Purpose.ACTING], [row["membership_id"].bytes])
    await audit.record(
        tx,
        actor=by or f"account:{row['account_id']}",
        action="acting.ended",
        object=f"customer:{row['customer_id']}",
        details={"acting": acting_id, "ending": ending},
    )
    return True


async def end_of_member(tx: Tx, membership_id: UUID, ending: Ending, *, by: str | None = None) -> None:
    """End what a member of staff has begun, if anything."""
    for row in await tx.rows(_OF_MEMBER, {"membership_id": membership_id}):
        await end(tx, row["id"], ending, by=by)


async def end_of_customer(tx: Tx, customer_id: UUID, *, by: str) -> None:
    """Nobody acts as a customer any more, who does not want it."""
    for row in await tx.rows(_OF_CUSTOMER, {"customer_id": customer_id}):
        await end(tx, row["id"], Ending.WITHDRAWN, by=by)


async def end_all(tx: Tx, *, by: str) -> None:
    """Nobody acts as a customer of the shop any more."""
    for row in await tx.rows(_EVERY):
        await end(tx, row["id"], Ending.WITHDRAWN, by=by)


async def end_what_is_over(tx: Tx) -> int:
    """Write down the end of what holds no longer, so that it does not come back to life; says of how many."""
    over = {row["id"]: _over(row) for row in await tx.rows(_LIVE, {"now": clock.now()})}
    ended = [await end(tx, acting_id, ending, by="system:worker") for acting_id, ending in over.items() if ending]
    return sum(ended)


def _over(row: Mapping[str, Any]) -> Ending | None:
    if not row["in_time"]:
        return Ending.EXPIRED
    may = customers.ACT_AS.name in held_by(row["membership"]).permissions
    return None if row["unbroken"] and may else Ending.WITHDRAWN
