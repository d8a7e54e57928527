"""Archives of everything: one at a time for a shop, made by a worker, kept for a week.

A worker holds what it makes by a lease that it prolongs. When it dies, another begins anew, in a file of its own: of
two that write, because one was only thought dead, the one with the latest attempt has the word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import text

from commerce.leaving import storage
from commerce.leaving.schemas import ExportList, ExportOut
from foundation import audit, clock
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound, TooMany, Unavailable
from foundation.ids import new_id

KEPT = timedelta(days=7)
LEASE = timedelta(minutes=2)
AGAIN = timedelta(minutes=5)
"""After how long what could not be made is tried again: an engine may be down for a while."""
ATTEMPTS = 3
A_WEEK = 20
"""Archives that a shop may ask for in the time that one is kept."""


class ExportRunning(Conflict):
    """An archive of the shop is being made already; another can be asked for when it is ready."""

    code = "leaving.export_running"


class TooManyExports(TooMany):
    """The shop has asked for as many archives as are kept at a time; the first of them is deleted soon."""

    code = "leaving.too_many_exports"


class ExportNotFound(NotFound):
    """There is no such archive, or it was deleted when its time was over."""

    code = "leaving.export_not_found"


class ExportNotReady(Conflict):
    """The archive is not made yet, or could not be made."""

    code = "leaving.export_not_ready"

    present: str


class NoStorage(Unavailable):
    """This installation has no place to keep archives in; its operator can make one."""

    code = "leaving.no_storage"


@dataclass(frozen=True, slots=True)
class Claim:
    """An archive that a worker is to make."""

    id: UUID
    attempt: int

    def path(self, tenant_id: UUID) -> str:
        """Where it writes."""
        return storage.export_path(tenant_id, self.id, self.attempt)


_SHOWN = """id, status, requested_by, requested_at, at, rows_done, rows_total, finished_at, expires_at, size, sha256"""
_ADD = hot(
    text(
        """
        INSERT INTO shop_export (tenant_id, id, status, requested_by, requested_at)
        VALUES (:tenant_id, :id, 'waiting', :requested_by, CAST(:now AS timestamptz))
        """
    )
)
_COUNT = hot(text("SELECT count(*) FROM shop_export WHERE tenant_id = :tenant_id"))
# pk_shop_export: ids are ordered by time.
_EVERY = hot(text(f"SELECT {_SHOWN} FROM shop_export WHERE tenant_id = :tenant_id ORDER BY id DESC"))  # noqa: S608
_ONE = hot(text(f"SELECT {_SHOWN}, attempt FROM shop_export WHERE tenant_id = :tenant_id AND id = :id"))  # noqa: S608
# uq_shop_export_one_at_a_time
_CLAIM = hot(
    text(
        """
        UPDATE shop_export
        SET status = 'running', attempt = attempt + 1, rows_done = 0, at = NULL,
            leased_until = CAST(:until AS timestamptz)
        WHERE tenant_id = :tenant_id AND attempt < CAST(:attempts AS bigint)
          AND (status = 'waiting' OR (status = 'running' AND leased_until <= CAST(:now AS timestamptz)))
        RETURNING id, attempt
        """
    )
)
_GIVE_UP = hot(
    text(
        """
        UPDATE shop_export SET status = 'failed', finished_at = CAST(:now AS timestamptz),
               expires_at = CAST(:expires_at AS timestamptz)
        WHERE tenant_id = :tenant_id AND status = 'running' AND attempt >= CAST(:attempts AS bigint)
          AND leased_until <= CAST(:now AS timestamptz)
        """
    )
)
_MINE = "tenant_id = :tenant_id AND id = :id AND attempt = CAST(:attempt AS bigint) AND status = 'running'"
_GO_ON = hot(
    text(
        f"""
        UPDATE shop_export SET leased_until = CAST(:until AS timestamptz), rows_done = CAST(:done AS bigint),
               rows_total = CAST(:total AS bigint), at = :at
        WHERE {_MINE} RETURNING id
        """  # noqa: S608  (literals)
    )
)
_READY = hot(
    text(
        f"""
        UPDATE shop_export SET status = 'ready', at = NULL, rows_done = CAST(:rows AS bigint),
               rows_total = CAST(:rows AS bigint), size = CAST(:size AS bigint), sha256 = :sha256,
               finished_at = CAST(:now AS timestamptz), expires_at = CAST(:expires_at AS timestamptz)
        WHERE {_MINE} RETURNING id
        """  # noqa: S608  (as above)
    )
)
_FREE = hot(text(f"UPDATE shop_export SET leased_until = CAST(:until AS timestamptz) WHERE {_MINE}"))  # noqa: S608
_EXPIRE = hot(
    text(
        """
        DELETE FROM shop_export WHERE tenant_id = :tenant_id AND expires_at <= CAST(:now AS timestamptz)
        RETURNING id, attempt
        """
    )
)


async def ask(tx: Tx, *, by: str) -> ExportOut:
    """Have an archive made.

    Raises:
        ExportRunning, TooManyExports.
    """
    counted = await tx.one(_COUNT)
    if counted is not None and counted[0] >= A_WEEK:
        raise TooManyExports(retry_after=int(KEPT.total_seconds()) // A_WEEK)
    export_id = new_id()
    try:
        await tx.rows(_ADD, {"id": export_id, "requested_by": by, "now": clock.now()})
    except asyncpg.UniqueViolationError as fault:
        raise ExportRunning from fault
    await audit.record(tx, actor=by, action="leaving.export_asked", object=f"export:{export_id}")
    return await one(tx, export_id)


async def every(tx: Tx) -> ExportList:
    """The shop's archives, the latest first: at most `A_WEEK`."""
    return ExportList(items=[ExportOut.model_validate(dict(row)) for row in await tx.rows(_EVERY)])


async def one(tx: Tx, export_id: UUID) -> ExportOut:
    """One of them.

    Raises:
        ExportNotFound.
    """
    row = await tx.one(_ONE, {"id": export_id})
    if row is None:
        raise ExportNotFound
    return _out(row)


async def take(tx: Tx, export_id: UUID, *, by: str) -> tuple[ExportOut, Claim]:
    """One that is ready, and where its file is; that somebody takes it is written down.

    Raises:
        ExportNotFound, ExportNotReady.
    """
    row = await tx.one(_ONE, {"id": export_id})
    if row is None:
        raise ExportNotFound
    if row["status"] != "ready":
        raise ExportNotReady(present=row["status"])
    await audit.record(tx, actor=by, action="leaving.export_taken", object=f"export:{export_id}")
    return _out(row), Claim(row["id"], row["attempt"])


async def claim(tx: Tx) -> Claim | None:
    """What is to be made, now held by whoever asks; one that has failed too often is given up."""
    now = clock.now()
    await tx.rows(_GIVE_UP, {"attempts": ATTEMPTS, "now": now, "expires_at": now + KEPT})
    row = await tx.one(_CLAIM, {"attempts": ATTEMPTS, "now": now, "until": now + LEASE})
    return Claim(row["id"], row["attempt"]) if row else None


async def go_on(tx: Tx, claimed: Claim, *, done: int, total: int, at: str) -> bool:
    """Say how far it is and hold it longer; `False`: another has taken it."""
    values = {"id": claimed.id, "attempt": claimed.attempt, "done": done, "total": total, "at": at}
    return await tx.one(_GO_ON, {**values, "until": clock.now() + LEASE}) is not None


async def ready(tx: Tx, claimed: Claim, *, rows: int, size: int, sha256: str) -> bool:
    """It is made; `False`: another has taken it meanwhile."""
    now = clock.now()
    values = {"id": claimed.id, "attempt": claimed.attempt, "rows": rows, "size": size, "sha256": sha256}
    return await tx.one(_READY, {**values, "now": now, "expires_at": now + KEPT}) is not None


async def let_go(tx: Tx, claimed: Claim) -> None:
    """It could not be made this time; another attempt begins in a while."""
    await tx.rows(_FREE, {"id": claimed.id, "attempt": claimed.attempt, "until": clock.now() + AGAIN})


async def expire(tx: Tx) -> Sequence[Claim]:
    """Forget those whose time is over; their files are to be deleted."""
    return [Claim(row["id"], row["attempt"]) for row in await tx.rows(_EXPIRE, {"now": clock.now()})]


def _out(row: Any) -> ExportOut:
    return ExportOut.model_validate({name: row[name] for name in ExportOut.model_fields})
