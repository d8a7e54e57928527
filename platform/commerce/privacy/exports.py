"""Archives of what is kept about a person: one at a time for each, made by a worker, kept sealed for a week."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import text

from commerce.archives import queue
from commerce.archives.queue import Queue, Turn
from commerce.privacy.schemas import PersonExportList, PersonExportOut
from foundation import audit, clock, sealed_files, sealing
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound, TooMany
from foundation.ids import new_id
from foundation.naming import object_path
from foundation.turns import in_turn

QUEUE = Queue("person_export", also=("customer_id", "key", "home"))
A_WEEK = 5
"""Archives of one person in the time that one is kept."""


class PersonExportRunning(Conflict):
    """An archive is being made already; another can be asked for when it is ready."""

    code = "privacy.export_running"


class TooManyPersonExports(TooMany):
    """As many archives were asked for as are kept at a time; the first of them is deleted soon."""

    code = "privacy.too_many_exports"


class PersonExportNotFound(NotFound):
    """There is no such archive, or it was deleted when its time was over."""

    code = "privacy.export_not_found"


class PersonExportNotReady(Conflict):
    """The archive is not made yet, or could not be made."""

    code = "privacy.export_not_ready"

    present: str


@dataclass(frozen=True, slots=True)
class Claim:
    """An archive that a worker is to make, or one that is made."""

    turn: Turn
    customer_id: UUID
    key: bytes
    """What its file is sealed with."""
    home: str

    def path(self, tenant_id: UUID) -> str:
        """Where its file is."""
        return _path(tenant_id, self.turn.id, self.turn.attempt)


def _path(tenant_id: UUID, export_id: UUID, attempt: int) -> str:
    return object_path(tenant_id, "person-exports", f"{export_id}-{attempt}")


_SHOWN = "id, status, requested_at, finished_at, expires_at, size, sha256"
_COUNT = hot(text("SELECT count(*) FROM person_export WHERE tenant_id = :tenant_id AND customer_id = :customer_id"))
_ADD = hot(
    text(
        """
        INSERT INTO person_export (tenant_id, id, customer_id, status, requested_by, requested_at, home, key)
        SELECT :tenant_id, :id, c.id, 'waiting', :requested_by, CAST(:now AS timestamptz), :home, :key
        FROM customer c WHERE c.tenant_id = :tenant_id AND c.id = :customer_id AND c.erased_at IS NULL
        RETURNING id
        """
    )
)
# ix_person_export_customer
_EVERY = hot(
    text(
        f"SELECT {_SHOWN} FROM person_export WHERE tenant_id = :tenant_id AND customer_id = :customer_id"  # noqa: S608
        " ORDER BY id DESC"
    )
)
_ONE = hot(
    text(
        f"SELECT {_SHOWN}, customer_id, attempt, key, home FROM person_export"  # noqa: S608  (literals)
        " WHERE tenant_id = :tenant_id AND customer_id = :customer_id AND id = :id"
        " AND (expires_at IS NULL OR expires_at > CAST(:now AS timestamptz))"
    )
)


async def ask(tx: Tx, customer_id: UUID, *, by: str, home: str, reason: str | None = None) -> PersonExportOut:
    """Have an archive made of what is kept about a customer.

    Raises:
        PersonExportNotFound: there is no such customer, or they are forgotten.
        PersonExportRunning, TooManyPersonExports.
    """
    await in_turn(tx, str(customer_id), seed=36)
    counted = await tx.one(_COUNT, {"customer_id": customer_id})
    if counted is not None and counted[0] >= A_WEEK:
        raise TooManyPersonExports(retry_after=int(queue.KEPT.total_seconds()) // A_WEEK)
    (key,) = await sealing.seal(tx, customer_id, [sealed_files.new_key().hex()])
    export_id = new_id()
    asked = {"id": export_id, "customer_id": customer_id, "requested_by": by, "home": home, "key": key}
    try:
        made = await tx.one(_ADD, {**asked, "now": clock.now()})
    except asyncpg.UniqueViolationError as fault:
        raise PersonExportRunning from fault
    if made is None:
        raise PersonExportNotFound
    await audit.record(
        tx,
        actor=by,
        action="privacy.export_asked",
        object=f"customer:{customer_id}",
        reason=reason,
        about=customer_id,
        details={"export": export_id},
    )
    return (await every(tx, customer_id)).items[0]


async def every(tx: Tx, customer_id: UUID) -> PersonExportList:
    """Somebody's archives, the latest first: at most `A_WEEK`."""
    rows = await tx.rows(_EVERY, {"customer_id": customer_id})
    return PersonExportList(items=[PersonExportOut(**row) for row in rows])


async def take(tx: Tx, customer_id: UUID, export_id: UUID, *, by: str) -> tuple[PersonExportOut, Claim]:
    """One that is ready, and where its file is; that somebody takes it is written down.

    Raises:
        PersonExportNotFound, PersonExportNotReady.
    """
    row = await tx.one(_ONE, {"customer_id": customer_id, "id": export_id, "now": clock.now()})
    claimed = await _claim_of(tx, row)
    if row is None or claimed is None:
        raise PersonExportNotFound
    if row["status"] != "ready":
        raise PersonExportNotReady(present=row["status"])
    object_ = f"customer:{customer_id}"
    await audit.record(tx, actor=by, action="privacy.export_taken", object=object_, details={"export": export_id})
    return PersonExportOut(**{name: row[name] for name in PersonExportOut.model_fields}), claimed


async def claim(tx: Tx) -> Claim | None:
    """What is to be made, now held by whoever asks; one that has failed too often is given up."""
    return await _claim_of(tx, await QUEUE.claim(tx))


async def _claim_of(tx: Tx, row: Any) -> Claim | None:
    """What a row says; nothing where its key can't be opened any more, because its owner is forgotten."""
    if row is None or not row["key"]:
        return None
    (key,) = await sealing.unseal(tx, [row["key"]])
    if key is None:
        return None
    return Claim(Turn(row["id"], row["attempt"]), row["customer_id"], bytes.fromhex(key), row["home"])


async def expire(tx: Tx) -> Sequence[str]:
    """Forget those whose time is over; gives their files, which are to be deleted."""
    over = await QUEUE.expire(tx)
    return [_path(tx.tenant_id, one.id, attempt) for one in over for attempt in range(1, one.attempt + 1)]
