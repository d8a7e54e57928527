"""Whom providers know an account's owner as."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import text

from foundation import clock, sealing
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound
from foundation.ids import new_id


class IdentityTaken(Conflict):
    """This identity is linked to another account."""

    code = "federation.identity_taken"


class IdentityNotFound(NotFound):
    """The account has no such identity."""

    code = "federation.identity_not_found"


@dataclass(frozen=True, slots=True)
class Identity:
    """An identity of an account's owner, elsewhere."""

    id: UUID
    provider: str
    label: str
    created_at: datetime
    used_at: datetime


def _digest(tenant_id: UUID, issuer: str, subject: str) -> bytes:
    return sealing.digest(tenant_id, "external identity", orjson.dumps([issuer, subject]).decode())


# uq_external_identity_subject
_USE = hot(
    text(
        """
        UPDATE external_identity SET used_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND subject_digest = :digest RETURNING account_id
        """
    )
)
_LINK = hot(
    text(
        """
        INSERT INTO external_identity (tenant_id, id, account_id, provider, subject_digest, label, created_at, used_at)
        VALUES (:tenant_id, :id, :account_id, :provider, :digest, :label, CAST(:now AS timestamptz),
                CAST(:now AS timestamptz))
        """
    )
)
# ix_external_identity_account
_OF = hot(
    text(
        """
        SELECT id, provider, label, created_at, used_at FROM external_identity
        WHERE tenant_id = :tenant_id AND account_id = :account_id ORDER BY created_at, id
        """
    )
)
_UNLINK = hot(
    text(
        """
        DELETE FROM external_identity WHERE tenant_id = :tenant_id AND account_id = :account_id AND id = :id
        RETURNING id
        """
    )
)


async def account_of(tx: Tx, issuer: str, subject: str) -> UUID | None:
    """The account that an identity is linked to; it is used by that."""
    row = await tx.one(_USE, {"digest": _digest(tx.tenant_id, issuer, subject), "now": clock.now()})
    return row["account_id"] if row else None


async def link(
    tx: Tx, account_id: UUID, subject_id: UUID, *, provider: str, issuer: str, subject: str, label: str
) -> None:
    """Link an identity to an account, by whose owner's key (`subject_id`) its name is sealed.

    Raises:
        IdentityTaken: it is linked already.
    """
    (sealed,) = await sealing.seal(tx, subject_id, [label])
    values = {
        "id": new_id(),
        "account_id": account_id,
        "provider": provider,
        "digest": _digest(tx.tenant_id, issuer, subject),
        "label": sealed,
        "now": clock.now(),
    }
    try:
        await tx.rows(_LINK, values)
    except asyncpg.UniqueViolationError as fault:
        raise IdentityTaken from fault


async def of(tx: Tx, account_id: UUID) -> list[Identity]:
    """The identities of an account, the oldest first."""
    rows = await tx.rows(_OF, {"account_id": account_id})
    labels = await sealing.unseal(tx, [row["label"] for row in rows])
    return [
        Identity(row["id"], row["provider"], label or "", row["created_at"], row["used_at"])
        for row, label in zip(rows, labels, strict=True)
    ]


async def unlink(tx: Tx, account_id: UUID, identity_id: UUID) -> None:
    """Let an identity go.

    Raises:
        IdentityNotFound.
    """
    if await tx.one(_UNLINK, {"account_id": account_id, "id": identity_id}) is None:
        raise IdentityNotFound
