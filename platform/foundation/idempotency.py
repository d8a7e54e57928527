"""Idempotency keys: claimed before the work, scoped by tenant, principal and route, kept for 24 hours.

The same key and body replays the first answer; a key whose work is still running is a 409; the same key with another
body is a 422 (as Stripe does it). Work that is one transaction says in it that the key is used, so a crash or a cut
connection between its commit and its answer can't make it happen twice.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Index, LargeBinary, PrimaryKeyConstraint, SmallInteger, delete, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from foundation import clock
from foundation.database import Base, Database, Tx, hot
from foundation.errors import BadRequest, Conflict, Unprocessable
from foundation.tables import Str, Timestamp

KEPT = timedelta(hours=24)
CLAIM_TIMEOUT = timedelta(minutes=2)
"""A claim whose worker died is given to the next caller after this."""


class IdempotencyRow(Base):
    """A key, what it was first used for, and the answer once there is one."""

    __tablename__ = "idempotency_key"
    __table_args__ = (
        PrimaryKeyConstraint("tenant_id", "principal", "route", "key"),
        Index("ix_idempotency_key_claimed_at", "tenant_id", "claimed_at"),
    )

    tenant_id: Mapped[UUID]
    principal: Mapped[Str]
    route: Mapped[Str]
    key: Mapped[Str]
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    claimed_at: Mapped[Timestamp]
    applied: Mapped[bool] = mapped_column(server_default="false")
    """The transaction that does the work has committed."""
    status: Mapped[int | None] = mapped_column(SmallInteger)
    content_type: Mapped[Str | None]
    body: Mapped[bytes | None] = mapped_column(LargeBinary)


class KeyRequired(BadRequest):
    """This request needs an Idempotency-Key header of 1 to 200 printable characters."""

    code = "idempotency.key_required"


class RequestInFlight(Conflict):
    """A request with this Idempotency-Key is still being carried out."""

    code = "idempotency.in_flight"


class KeyReused(Unprocessable):
    """This Idempotency-Key was used before, with another body."""

    code = "idempotency.key_reused"


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose key it is, and for what."""

    tenant_id: UUID
    principal: str
    route: str
    key: str

    def where(self) -> tuple[object, ...]:
        """The row's key as SQL conditions."""
        row = IdempotencyRow
        return (
            row.tenant_id == self.tenant_id,
            row.principal == self.principal,
            row.route == self.route,
            row.key == self.key,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """A stored answer."""

    status: int
    content_type: str
    body: bytes


async def claim(database: Database, scope: Scope, body: bytes) -> Answer | None:
    """Take the key for this request, or give the answer it has already had.

    Raises:
        RequestInFlight: somebody else has it and hasn't finished.
        KeyReused: it was first used with another body.
    """
    fingerprint = hashlib.sha256(body).digest()
    now = clock.now()
    async with database.transaction(scope.tenant_id) as session:
        await session.execute(
            delete(IdempotencyRow).where(*scope.where(), IdempotencyRow.claimed_at < now - KEPT)  # type: ignore[arg-type]
        )
        claimed = await session.scalar(
            insert(IdempotencyRow)
            .values(
                tenant_id=scope.tenant_id,
                principal=scope.principal,
                route=scope.route,
                key=scope.key,
                fingerprint=fingerprint,
                claimed_at=now,
            )
            .on_conflict_do_update(
                index_elements=["tenant_id", "principal", "route", "key"],
                set_={"claimed_at": now},
                where=(IdempotencyRow.status.is_(None))
                & (IdempotencyRow.applied | (IdempotencyRow.claimed_at < now - CLAIM_TIMEOUT))
                & (IdempotencyRow.fingerprint == fingerprint),
            )
            .returning(IdempotencyRow.key)
        )
        if claimed is not None:
            return None
        row = await session.get_one(IdempotencyRow, (scope.tenant_id, scope.principal, scope.route, scope.key))
        if row.fingerprint != fingerprint:
            raise KeyReused
        if row.status is None or row.body is None:
            raise RequestInFlight
        return Answer(row.status, row.content_type or "application/json", row.body)


# The key's row is held from here to the end of the transaction, so a second holder of the key waits and then sees it.
_FIRST = hot(
    text(
        """
        UPDATE idempotency_key SET applied = true
        WHERE tenant_id = :tenant_id AND principal = :principal AND route = :route AND key = :key AND NOT applied
        RETURNING key
        """
    )
)


async def first(tx: Tx, scope: Scope) -> bool:
    """Whether the work of a claimed key is still to be done. Asked in the transaction that does it, it says so once."""
    values = {"principal": scope.principal, "route": scope.route, "key": scope.key}
    return await tx.one(_FIRST, values) is not None


async def settle(database: Database, scope: Scope, answer: Answer) -> None:
    """Keep the answer for whoever asks again."""
    async with database.transaction(scope.tenant_id) as session:
        await session.execute(
            update(IdempotencyRow)
            .where(*scope.where())  # type: ignore[arg-type]
            .values(status=answer.status, content_type=answer.content_type, body=answer.body)
        )


async def release(database: Database, scope: Scope) -> None:
    """Give the key back, so that the next try may do it; not one under which something was done."""
    unused = (IdempotencyRow.status.is_(None), ~IdempotencyRow.applied)
    async with database.transaction(scope.tenant_id) as session:
        await session.execute(delete(IdempotencyRow).where(*scope.where(), *unused))  # type: ignore[arg-type]
