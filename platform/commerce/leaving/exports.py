"""Archives of everything: one at a time for a shop, made by a worker, kept for a week."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import text

from commerce.archives import queue
from commerce.archives.queue import Queue, Turn
from commerce.leaving.schemas import ExportList, ExportOut
from foundation import audit, clock
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound, TooMany
from foundation.ids import new_id

AGAIN = timedelta(minutes=5)
"""After how long what could not be made is tried again: an engine may be down for a while."""
QUEUE = Queue("shop_export", again=AGAIN)
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
_PROGRESS = hot(
    text(
        """
        UPDATE shop_export SET rows_done = CAST(:done AS bigint), rows_total = CAST(:total AS bigint), at = :at
        WHERE tenant_id = :tenant_id AND id = :id
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
        raise TooManyExports(retry_after=int(queue.KEPT.total_seconds()) // A_WEEK)
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


async def take(tx: Tx, export_id: UUID, *, by: str) -> tuple[ExportOut, Turn]:
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
    return _out(row), Turn(row["id"], row["attempt"])


async def go_on(tx: Tx, turn: Turn, *, done: int, total: int, at: str) -> None:
    """Say how far it is, and hold it longer.

    Raises:
        TakenOver.
    """
    await QUEUE.prolong(tx, turn)
    await tx.rows(_PROGRESS, {"id": turn.id, "done": done, "total": total, "at": at})


async def ready(tx: Tx, turn: Turn, *, rows: int, size: int, sha256: str) -> bool:
    """It is made; `False`: another has taken it meanwhile."""
    made = await QUEUE.ready(tx, turn, size=size, sha256=sha256)
    if made:
        await tx.rows(_PROGRESS, {"id": turn.id, "done": rows, "total": rows, "at": None})
    return made


def _out(row: Any) -> ExportOut:
    return ExportOut.model_validate({name: row[name] for name in ExportOut.model_fields})
