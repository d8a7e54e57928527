"""Somebody of the shop's staff or of a vendor's people, known by the session they signed in to."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text

from commerce.identity import membership
from commerce.identity.membership import held_by
from commerce.identity.staff import PREFIX, KeyUnknown, Staff, by_key
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Forbidden
from foundation.tokens import token_hash


class NotStaff(Forbidden):
    """This is for those who work here, and whoever asks does not, or not any more."""

    code = "identity.not_staff"

    signed_in: bool
    """Whether they have signed in at all: a visitor of the shop may still be somebody who works here."""


# uq_session_token_hash, uq_membership_account
_BY_SESSION = hot(
    text(
        f"""
        SELECT s.id AS session_id, s.account_id, s.authenticated_at, s.amr, m.id AS membership_id, m.vendor_id,
               {membership.COLUMN}
        FROM session s
        LEFT JOIN account a ON a.tenant_id = s.tenant_id AND a.id = s.account_id AND a.status = 'active'
        LEFT JOIN membership m ON m.tenant_id = s.tenant_id AND m.account_id = a.id AND m.status = 'active'
        WHERE s.tenant_id = :tenant_id AND s.token_hash = :token_hash AND s.revoked_at IS NULL
          AND s.expires_at > CAST(:now AS timestamptz) AND coalesce(s.idle_until > CAST(:now AS timestamptz), true)
        """  # noqa: S608  (literals)
    )
)


async def staff_of(tx: Tx, token: str | None) -> Staff:
    """Who acts for the shop, by what they show: a key of the API, else the session they are signed in to.

    Raises:
        KeyUnknown: it is neither, or its time is over.
        NotStaff: whoever is signed in doesn't work here.
    """
    if token is None:
        raise KeyUnknown
    if token.startswith(PREFIX):
        return await by_key(tx, token)
    return await by_session(tx, token)


async def by_session(tx: Tx, token: str) -> Staff:
    """The member of staff who is signed in to a session.

    Raises:
        KeyUnknown: there is no such session, or it is over.
        NotStaff: whoever is signed in doesn't work here.
    """
    row = await tx.one(_BY_SESSION, {"token_hash": token_hash(token), "now": clock.now()})
    if row is None:
        raise KeyUnknown
    if row["membership_id"] is None:
        raise NotStaff(signed_in=row["account_id"] is not None)
    return _staff(tx.tenant_id, row)


def _staff(tenant_id: UUID, row: Any) -> Staff:
    held = held_by(row["membership"])
    return Staff(
        tenant_id,
        row["account_id"],
        f"member {row['membership_id']}",
        held.permissions,
        row["vendor_id"],
        kind="account",
        limits=held.limits,
        session_id=row["session_id"],
        membership_id=row["membership_id"],
        authenticated_at=row["authenticated_at"],
        amr=tuple(row["amr"]),
    )
