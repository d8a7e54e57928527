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
    provider_id: UUID
    label: str
    created_at: datetime
    used_at: datetime


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody, as a provider knows them."""

    issuer: str
    subject: str
    label: str
    """What they know themselves by there: an address, or a name."""
    domain: str | None
    """The organisation that they are of."""


def subject_digest(tenant_id: UUID, issuer: str, subject: str) -> bytes:
    """What an identity is found by."""
    return sealing.digest(tenant_id, "external identity", orjson.dumps([issuer, subject]).decode())


def session_digest(tenant_id: UUID, issuer: str, session: str | None) -> bytes | None:
    """What is kept of a provider's own session (`sid`), if it names one."""
    if session is None:
        return None
    return sealing.digest(tenant_id, "provider session", orjson.dumps([issuer, session]).decode())


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
_WHOSE = hot(text("SELECT account_id FROM external_identity WHERE tenant_id = :tenant_id AND subject_digest = :digest"))
# ix_external_identity_account
_OF = hot(
    text(
        """
        SELECT e.id, e.provider, e.label, e.created_at, e.used_at FROM external_identity e
        WHERE e.tenant_id = :tenant_id AND e.account_id = :account_id
          AND (NOT CAST(:usable AS boolean)
               OR EXISTS (SELECT FROM identity_provider p WHERE p.tenant_id = e.tenant_id
                            AND CAST(p.id AS text) = e.provider AND p.is_enabled))
        ORDER BY e.created_at, e.id
        """
    )
)
_UNLINK = hot(
    text(
        """
        DELETE FROM external_identity WHERE tenant_id = :tenant_id AND account_id = :account_id AND id = :id
        RETURNING provider
        """
    )
)


async def whose(tx: Tx, issuer: str, subject: str) -> UUID | None:
    """The account that an identity is linked to."""
    row = await tx.one(_WHOSE, {"digest": subject_digest(tx.tenant_id, issuer, subject)})
    return row["account_id"] if row else None


async def account_of(tx: Tx, issuer: str, subject: str) -> UUID | None:
    """The account that an identity is linked to; it is used by that."""
    row = await tx.one(_USE, {"digest": subject_digest(tx.tenant_id, issuer, subject), "now": clock.now()})
    return row["account_id"] if row else None


async def link(tx: Tx, account_id: UUID, subject_id: UUID, *, provider_id: UUID, subject: Subject) -> None:
    """Link an identity to an account, by whose owner's key (`subject_id`) its name is sealed.

    Raises:
        IdentityTaken: it is linked already.
    """
    (sealed,) = await sealing.seal(tx, subject_id, [subject.label])
    values = {
        "id": new_id(),
        "account_id": account_id,
        "provider": str(provider_id),
        "digest": subject_digest(tx.tenant_id, subject.issuer, subject.subject),
        "label": sealed,
        "now": clock.now(),
    }
    try:
        await tx.rows(_LINK, values)
    except asyncpg.UniqueViolationError as fault:
        raise IdentityTaken from fault


async def of(tx: Tx, account_id: UUID, *, usable: bool = False) -> list[Identity]:
    """The identities of an account, the oldest first; those that are `usable` are of providers that are switched on."""
    rows = await tx.rows(_OF, {"account_id": account_id, "usable": usable})
    labels = await sealing.unseal(tx, [row["label"] for row in rows])
    return [
        Identity(row["id"], UUID(row["provider"]), label or "", row["created_at"], row["used_at"])
        for row, label in zip(rows, labels, strict=True)
    ]


async def unlink(tx: Tx, account_id: UUID, identity_id: UUID) -> UUID:
    """Let an identity go; gives the provider that it was of.

    Raises:
        IdentityNotFound.
    """
    row = await tx.one(_UNLINK, {"account_id": account_id, "id": identity_id})
    if row is None:
        raise IdentityNotFound
    return UUID(row["provider"])
