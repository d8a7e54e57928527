"""A shop may ask its own staff to come by its own provider, and by nothing else.

One person is excepted, for the day when the provider is down: whoever asked for it (break-glass).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from commerce.federation.refusals import StaffProviderRequired
from foundation import audit, clock
from foundation.database import Tx, hot
from foundation.ids import new_id


@dataclass(frozen=True, slots=True)
class Requirement:
    """By whom staff must come."""

    provider_id: UUID
    owner_account_id: UUID
    """Who may come in by other ways all the same."""
    created_at: datetime


# uq_staff_sign_in_tenant
_CURRENT = hot(text("SELECT provider_id, owner_account_id, created_at FROM staff_sign_in WHERE tenant_id = :tenant_id"))
_PUT = hot(
    text(
        """
        INSERT INTO staff_sign_in AS s (tenant_id, id, provider_id, owner_account_id, created_at)
        VALUES (:tenant_id, :id, :provider_id, :owner_account_id, CAST(:now AS timestamptz))
        ON CONFLICT (tenant_id) DO UPDATE
            SET provider_id = excluded.provider_id, owner_account_id = excluded.owner_account_id,
                created_at = excluded.created_at
        """
    )
)
_LIFT = hot(text("DELETE FROM staff_sign_in WHERE tenant_id = :tenant_id"))
# uq_membership_account, ix_session_account
_END_OTHERS = hot(
    text(
        """
        UPDATE session s SET revoked_at = CAST(:now AS timestamptz)
        FROM membership m
        WHERE m.tenant_id = :tenant_id AND m.vendor_id IS NULL AND m.status <> 'removed'
          AND s.tenant_id = m.tenant_id AND s.account_id = m.account_id AND s.revoked_at IS NULL
          AND s.account_id <> :owner_account_id AND s.provider_id IS DISTINCT FROM CAST(:provider_id AS uuid)
        """
    )
)
# uq_membership_account, ix_external_identity_account
_UNLINKED = hot(
    text(
        """
        SELECT count(*) AS people FROM membership m
        WHERE m.tenant_id = :tenant_id AND m.vendor_id IS NULL AND m.status = 'active'
          AND NOT EXISTS (SELECT FROM external_identity e WHERE e.tenant_id = m.tenant_id
                            AND e.account_id = m.account_id AND e.provider = CAST(CAST(:provider_id AS uuid) AS text))
        """
    )
)
# uq_staff_sign_in_tenant, uq_membership_account
_BOUND = hot(
    text(
        """
        SELECT s.provider_id, s.owner_account_id FROM staff_sign_in s
        JOIN membership m ON m.tenant_id = s.tenant_id AND m.account_id = :account_id AND m.vendor_id IS NULL
                         AND m.status <> 'removed'
        WHERE s.tenant_id = :tenant_id
        """
    )
)


async def current(tx: Tx) -> Requirement | None:
    """What is asked of staff, if anything is."""
    row = await tx.one(_CURRENT)
    return Requirement(**dict(row)) if row else None


async def put(tx: Tx, provider_id: UUID, owner_account_id: UUID) -> None:
    """Ask it of them: those who came in otherwise are signed out, but for whoever is excepted."""
    values = {"provider_id": provider_id, "owner_account_id": owner_account_id, "now": clock.now()}
    await tx.rows(_PUT, {**values, "id": new_id()})
    await tx.rows(_END_OTHERS, values)


async def lift(tx: Tx) -> None:
    """Ask it no more."""
    await tx.rows(_LIFT)


async def unlinked(tx: Tx, provider_id: UUID) -> int:
    """How many of the shop's own staff the provider doesn't know yet."""
    row = await tx.one(_UNLINKED, {"provider_id": provider_id})
    return int(row["people"]) if row else 0


async def binds(tx: Tx, account_id: UUID) -> UUID | None:
    """The provider by which the owner of an account must come; none for who is excepted, and for who doesn't work
    here.
    """
    row = await tx.one(_BOUND, {"account_id": account_id})
    return row["provider_id"] if row is not None and row["owner_account_id"] != account_id else None


async def require(tx: Tx, account_id: UUID, provider_id: UUID | None) -> None:
    """Stop staff who come by another way than their shop asks for. When whoever is excepted does so, it is written
    down.

    Raises:
        StaffProviderRequired.
    """
    row = await tx.one(_BOUND, {"account_id": account_id})
    if row is None or row["provider_id"] == provider_id:
        return
    if row["owner_account_id"] != account_id:
        raise StaffProviderRequired
    actor = f"account:{account_id}"
    await audit.record(tx, actor=actor, action="staff_sign_in.broke_glass", object=f"provider:{row['provider_id']}")
