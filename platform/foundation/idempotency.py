"""Idempotency keys: claimed before the work, scoped by tenant, principal and route, kept for 24 hours.

The same key and body replays the first answer; a key whose work is still running is a 409; the same key with another
body is a 422 (as Stripe does it). Work that is one transaction says in it that the key is used, so a crash or a cut
connection between its commit and its answer can't make it happen twice.

An answer is kept sealed: by the key of the customer who asked, or by the tenant's when nobody's own is at hand. What
staff were answered may be about somebody, so the ids that it names stand beside it, by which it goes with them.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary, PrimaryKeyConstraint, SmallInteger, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from foundation import clock, sealing
from foundation.database import Base, Tx, hot
from foundation.errors import BadRequest, Conflict, Unprocessable
from foundation.living import CLAIMANT_LIVES
from foundation.tables import Str, Timestamp

KEPT = timedelta(hours=24)
CLAIM_TIMEOUT = timedelta(minutes=2)
"""A claim of a worker that Postgres could not vouch for is given to the next caller after this."""


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
    claim: Mapped[int | None] = mapped_column(BigInteger)
    """The claim's own number, which says which process made it (`foundation.living`)."""
    applied: Mapped[bool] = mapped_column(server_default="false")
    """The transaction that does the work has committed."""
    status: Mapped[int | None] = mapped_column(SmallInteger)
    content_type: Mapped[Str | None]
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Sealed."""
    names: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default=text("'{}'"))
    """Ids within the answer, of those that are not sealed by their own person's key."""


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
    claim: int | None = None
    """The number of the claim that is made for it now."""
    customer_id: UUID | None = None
    """Who asks, when it is a customer: by their key the answer is sealed."""

    def values(self) -> dict[str, str | int | None]:
        """What of it statements name, beside the tenant."""
        return {"principal": self.principal, "route": self.route, "key": self.key, "claim": self.claim}


@dataclass(frozen=True, slots=True)
class Answer:
    """A stored answer."""

    status: int
    content_type: str
    body: bytes


_KEY = "tenant_id = :tenant_id AND principal = :principal AND route = :route AND key = :key"
_OURS = f"{_KEY} AND claim IS NOT DISTINCT FROM CAST(:claim AS bigint)"
"""A claim that was taken over meanwhile is somebody else's to answer or to give back."""

# No row comes back when the key has had another use. One that is no longer kept is as good as new, and one whose worker
# died or lost its answer is taken over; whether it died is asked of Postgres, not of the clock.
_CLAIM = hot(
    text(
        f"""
        INSERT INTO idempotency_key AS k (tenant_id, principal, route, key, fingerprint, claimed_at, claim)
        VALUES (:tenant_id, :principal, :route, :key, :fingerprint, CAST(:now AS timestamptz), CAST(:claim AS bigint))
        ON CONFLICT (tenant_id, principal, route, key) DO UPDATE
        SET claimed_at = excluded.claimed_at, claim = excluded.claim, fingerprint = excluded.fingerprint,
            status = NULL, content_type = NULL,
            body = NULL, names = '{{}}', applied = k.applied AND k.claimed_at >= CAST(:forgotten AS timestamptz)
        WHERE k.claimed_at < CAST(:forgotten AS timestamptz)
           OR (k.status IS NULL AND k.fingerprint = excluded.fingerprint
               AND CASE WHEN k.claim IS NULL THEN k.applied OR k.claimed_at < CAST(:abandoned AS timestamptz)
                        ELSE NOT {CLAIMANT_LIVES} END)
        RETURNING k.key
        """  # noqa: S608  (literals)
    )
)

_USED = hot(
    text(
        f"SELECT fingerprint, status, content_type, body FROM idempotency_key WHERE {_KEY}"  # noqa: S608  (a literal)
    )
)

_SETTLE = hot(
    text(
        f"""
        UPDATE idempotency_key SET status = :status, content_type = :content_type, body = :body,
                                   names = CAST(:names AS uuid[])
        WHERE {_OURS}
        """  # noqa: S608  (a literal)
    )
)

_RELEASE = hot(
    text(
        f"DELETE FROM idempotency_key WHERE {_OURS} AND status IS NULL AND NOT applied"  # noqa: S608  (a literal)
    )
)


_LET_GO = hot(
    text(
        f"UPDATE idempotency_key SET claim = NULL WHERE {_OURS} AND status IS NULL AND applied"  # noqa: S608  (a literal)
    )
)


async def claim(tx: Tx, scope: Scope, body: bytes) -> Answer | None:
    """Take the key for this request, or give the answer it has already had.

    Raises:
        RequestInFlight: somebody else has it and hasn't finished.
        KeyReused: it was first used with another body.
    """
    fingerprint = hashlib.sha256(body).digest()
    now = clock.now()
    asked = {"fingerprint": fingerprint, "now": now, "forgotten": now - KEPT, "abandoned": now - CLAIM_TIMEOUT}
    if await tx.one(_CLAIM, {**scope.values(), **asked}) is not None:
        return None
    used = await tx.one(_USED, scope.values())
    if used is None:  # given back since
        raise RequestInFlight
    if used["fingerprint"] != fingerprint:
        raise KeyReused
    if used["status"] is None or used["body"] is None:
        raise RequestInFlight
    return Answer(used["status"], used["content_type"] or "application/json", await _opened(tx, used["body"]))


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
    return await tx.one(_FIRST, scope.values()) is not None


async def settle(tx: Tx, scope: Scope, answer: Answer) -> None:
    """Keep the answer for whoever asks again."""
    kept = {
        "status": answer.status,
        "content_type": answer.content_type,
        "body": await _sealed(tx, scope, answer.body),
        "names": [] if scope.customer_id else _named(answer.body),
    }
    await tx.rows(_SETTLE, {**scope.values(), **kept})


# A text is what is sealed; any bytes are one in this encoding, and come back as they were.
_BYTES = "latin-1"
_ID = re.compile(rb'"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"')


async def _sealed(tx: Tx, scope: Scope, body: bytes) -> bytes:
    (sealed,) = await sealing.seal(tx, scope.customer_id or scope.tenant_id, [body.decode(_BYTES)])
    return sealed.encode()


async def _opened(tx: Tx, body: bytes) -> bytes:
    """An answer as it was given; those of the last day from before answers were sealed are plain.

    Raises:
        RequestInFlight: whose answer it was is forgotten.
    """
    text_of = body.decode(_BYTES)
    if not sealing.is_sealed(text_of):
        return body
    (opened,) = await sealing.unseal(tx, [text_of])
    if opened is None:
        raise RequestInFlight
    return opened.encode(_BYTES)


def _named(body: bytes) -> list[UUID]:
    return [UUID(found.decode()) for found in set(_ID.findall(body))]


async def release(tx: Tx, scope: Scope) -> None:
    """Give the key back, so that the next try may do it, or answer what was done."""
    await tx.rows(_RELEASE, scope.values())
    await tx.rows(_LET_GO, scope.values())
