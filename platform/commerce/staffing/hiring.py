"""Somebody begins to work here without an invitation: on the word of whoever runs the platform."""

from __future__ import annotations

from uuid import UUID

import asyncpg
from sqlalchemy import text

from commerce.staffing.granting import Grant
from commerce.staffing.refusals import WorksHereAlready
from commerce.staffing.service import granted, note
from foundation import clock
from foundation.database import Tx, hot
from foundation.ids import new_id

_HIRE = hot(
    text(
        """
        INSERT INTO membership (tenant_id, id, account_id, vendor_id, status, roles, role_ids, limits, invited_by,
                                accepted_at)
        VALUES (:tenant_id, :id, :account_id, CAST(:vendor_id AS uuid), 'active', :roles, :role_ids,
                CAST(:limits AS jsonb), :by, CAST(:now AS timestamptz))
        """
    )
)


async def hire(tx: Tx, account_id: UUID, grant: Grant, *, vendor_id: UUID | None, by: str) -> UUID:
    """Make the owner of an account one of the shop's people, or of a vendor's; gives the membership's id.

    `by` is the principal on whose word it is done: the operator's command, a sign-up of a new shop. Nothing is checked
    of what they may give.

    Raises:
        WorksHereAlready.
    """
    member_id = new_id()
    values = {"id": member_id, "account_id": account_id, "vendor_id": vendor_id, "by": by, "now": clock.now()}
    try:
        await tx.rows(_HIRE, {**values, **granted(grant)})
    except asyncpg.UniqueViolationError as fault:
        raise WorksHereAlready from fault
    await note(tx, by, "staffing.hired", member_id, grant)
    return member_id
