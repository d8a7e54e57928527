"""Files of the catalogue as staff ask for them and a worker makes them, each begun anew when its worker dies."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from commerce.archives.queue import KEPT, Queue, Turn, as_holder
from commerce.exchange.feeding import Sifted
from commerce.exchange.schemas import CatalogueExportOut, ExportIn
from foundation import audit, clock
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound, TooMany
from foundation.ids import new_id
from foundation.naming import ObjectPath, object_path

QUEUE = Queue("catalogue_export", also=("format", "costs", "home"), again=timedelta(minutes=1))
MOST_KEPT = 20
"""Files of a shop that may wait, be made or be kept at a time."""


class ExportNotFound(NotFound):
    """There is no such export, or it was deleted when its time was over."""

    code = "exchange.export_not_found"


class ExportNotReady(Conflict):
    """The file is not made yet, or can't be made."""

    code = "exchange.export_not_ready"

    present: str


class TooManyExports(TooMany):
    """As many exports of the shop are kept as may; the first of them is deleted when its week is over."""

    code = "exchange.too_many_exports"


_SHOWN = ", ".join(name if name != "left_out" else "left_out::text" for name in CatalogueExportOut.model_fields)
_COUNT = hot(text("SELECT count(*) FROM catalogue_export WHERE tenant_id = :tenant_id AND status <> 'failed'"))
_ADD = hot(
    text(
        """
        INSERT INTO catalogue_export (tenant_id, id, status, format, costs, home, requested_by, requested_at)
        VALUES (:tenant_id, :id, 'waiting', :format, :costs, :home, :by, CAST(:now AS timestamptz))
        """
    )
)
# pk_catalogue_export: ids are ordered by time.
_PAGE = hot(
    text(
        f"""
        SELECT {_SHOWN} FROM catalogue_export
        WHERE tenant_id = :tenant_id AND id < CAST(:before AS uuid) ORDER BY id DESC LIMIT :limit
        """  # noqa: S608  (names of columns)
    )
)
_ONE = hot(
    text(f"SELECT {_SHOWN}, attempt FROM catalogue_export WHERE tenant_id = :tenant_id AND id = :id")  # noqa: S608
)
_PROGRESS = hot(
    text(
        f"""
        UPDATE catalogue_export SET products = CAST(:products AS bigint), total = CAST(:total AS bigint)
        WHERE {QUEUE.mine} RETURNING id
        """  # noqa: S608  (a literal of the queue)
    )
)
_LEAVE_OUT = hot(
    text(
        f"""
        UPDATE catalogue_export SET left_out = CAST(CAST(:left_out AS text) AS jsonb) WHERE {QUEUE.mine} RETURNING id
        """  # noqa: S608  (a literal of the queue)
    )
)
_REFUSE = hot(
    text(
        f"""
        UPDATE catalogue_export SET status = 'failed', problem = :problem, finished_at = CAST(:now AS timestamptz),
                                    expires_at = CAST(:expires_at AS timestamptz)
        WHERE {QUEUE.mine} RETURNING id
        """  # noqa: S608  (a literal of the queue)
    )
)


def path_of(tenant_id: UUID, turn: Turn) -> ObjectPath:
    """Where a file is written. Each attempt has its own: one that was given up and still writes spoils no other."""
    return object_path(tenant_id, "catalogue-exports", f"{turn.id}-{turn.attempt}")


async def ask(tx: Tx, body: ExportIn, *, by: str, home: str) -> CatalogueExportOut:
    """Have the catalogue written into a file, with costs for whoever may see prices; `home` is where the shop's pages
    are.

    Raises:
        TooManyExports.
    """
    counted = await tx.one(_COUNT)
    if counted is not None and counted[0] >= MOST_KEPT:
        raise TooManyExports(retry_after=int(KEPT.total_seconds()) // MOST_KEPT)
    export_id = new_id()
    await tx.rows(_ADD, {"id": export_id, **body.model_dump(), "home": home, "by": by, "now": clock.now()})
    audit.made("catalogue_export", export_id)
    return await one(tx, export_id)


async def page(tx: Tx, before: UUID, limit: int) -> list[tuple[UUID, CatalogueExportOut]]:
    """Exports before one, the latest first."""
    return [(row["id"], _out(row)) for row in await tx.rows(_PAGE, {"before": before, "limit": limit})]


async def one(tx: Tx, export_id: UUID) -> CatalogueExportOut:
    """How far an export is.

    Raises:
        ExportNotFound.
    """
    return _out(await _row(tx, export_id))


async def ready(tx: Tx, export_id: UUID) -> tuple[CatalogueExportOut, Turn]:
    """An export that is made, and whose work its file is.

    Raises:
        ExportNotFound, ExportNotReady.
    """
    row = await _row(tx, export_id)
    if row["status"] != "ready":
        raise ExportNotReady(present=row["status"])
    return _out(row), Turn(export_id, row["attempt"])


async def go_on(tx: Tx, turn: Turn, *, products: int, total: int) -> None:
    """Say how far it is, and hold it longer.

    Raises:
        TakenOver.
    """
    await QUEUE.prolong(tx, turn)
    await as_holder(tx, _PROGRESS, turn, products=products, total=total)


async def leave_out(tx: Tx, turn: Turn, found: Sifted) -> None:
    """Say what a feed does not have.

    Raises:
        TakenOver.
    """
    await as_holder(tx, _LEAVE_OUT, turn, left_out=orjson.dumps(found.told).decode())


async def refuse(tx: Tx, turn: Turn, problem: str) -> None:
    """It can't be made, however often it is tried.

    Raises:
        TakenOver.
    """
    now = clock.now()
    await as_holder(tx, _REFUSE, turn, problem=problem, now=now, expires_at=now + KEPT)


async def _row(tx: Tx, export_id: UUID) -> Mapping[str, Any]:
    row: Mapping[str, Any] | None = await tx.one(_ONE, {"id": export_id})
    if row is None:
        raise ExportNotFound
    return row


def _out(row: Mapping[str, Any]) -> CatalogueExportOut:
    said = {name: row[name] for name in CatalogueExportOut.model_fields}
    return CatalogueExportOut(**{**said, "left_out": orjson.loads(row["left_out"])})
