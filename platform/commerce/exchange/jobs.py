"""Imports as staff ask for them and workers take them in; each step of one commits with what it brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from commerce.archives.queue import KEPT, Leases, TakenOver, Turn
from commerce.exchange.importing import Outcome
from commerce.exchange.problems import BadRow, FileRefused, Problem
from commerce.exchange.reading import Format
from commerce.exchange.schemas import ImportOut
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound, TooMany
from foundation.naming import ObjectPath, object_path

ATTEMPTS = 20
"""It begins where another left off, so a worker may die more than a few times on the way."""
QUEUE = Leases(
    "catalogue_import",
    also=("format", "mapping", "dry_run", "requested_by", "rows"),
    again=timedelta(minutes=1),
    failing=", finished_at = CAST(:now AS timestamptz), expires_at = CAST(:expires_at AS timestamptz)",
    attempts=ATTEMPTS,
)
MOST_WAITING = 20
"""Imports of a shop that may wait or be kept running at a time."""
_AT_ONCE = 500
"""Bad rows that are read at a time."""


class ImportNotFound(NotFound):
    """There is no such import, or it was deleted when its time was over."""

    code = "exchange.import_not_found"


class ImportFinished(Conflict):
    """The import is over: there is nothing left of it to stop."""

    code = "exchange.import_finished"


class TooManyImports(TooMany):
    """As many imports of the shop are waiting as may; each begins when the one before is done."""

    code = "exchange.too_many_imports"


_SHOWN = """
    id, status, format, name, dry_run, size, requested_by, requested_at, rows, bytes, created, changed, unchanged, bad,
    problem::text AS problem, finished_at, expires_at
"""
_WAITING = hot(
    text("SELECT count(*) FROM catalogue_import WHERE tenant_id = :tenant_id AND status IN ('waiting', 'running')")
)
_ADD = hot(
    text(
        """
        INSERT INTO catalogue_import (tenant_id, id, status, format, name, mapping, dry_run, size, requested_by,
                                      requested_at)
        VALUES (:tenant_id, :id, 'waiting', :format, :name, CAST(CAST(:mapping AS text) AS jsonb), :dry_run,
                CAST(:size AS bigint), :by, CAST(:now AS timestamptz))
        """
    )
)
# pk_catalogue_import: ids are ordered by time.
_PAGE = hot(
    text(
        f"""
        SELECT {_SHOWN} FROM catalogue_import
        WHERE tenant_id = :tenant_id AND id < CAST(:before AS uuid) ORDER BY id DESC LIMIT :limit
        """  # noqa: S608  (the fragment is a literal)
    )
)
_ONE = hot(text(f"SELECT {_SHOWN} FROM catalogue_import WHERE tenant_id = :tenant_id AND id = :id"))  # noqa: S608
_COLUMNS = hot(
    text(
        "SELECT format, ARRAY(SELECT unnest(columns)) AS columns FROM catalogue_import"
        " WHERE tenant_id = :tenant_id AND id = :id"
    )
)
_CANCEL = hot(
    text(
        """
        UPDATE catalogue_import
        SET status = 'cancelled', finished_at = CAST(:now AS timestamptz), expires_at = CAST(:expires_at AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :id AND status IN ('waiting', 'running') RETURNING id
        """
    )
)
_BEGIN = hot(
    text(
        f"""
        UPDATE catalogue_import SET columns = CAST(:columns AS text[]) WHERE {QUEUE.mine} RETURNING id
        """  # noqa: S608  (a literal of the queue)
    )
)
_GO_ON = hot(
    text(
        f"""
        UPDATE catalogue_import SET
            rows = CAST(:rows AS bigint), bytes = CAST(:bytes AS bigint), created = created + CAST(:created AS bigint),
            changed = changed + CAST(:changed AS bigint), unchanged = unchanged + CAST(:unchanged AS bigint),
            bad = bad + CAST(:bad AS bigint)
        WHERE {QUEUE.mine} RETURNING id
        """  # noqa: S608  (a literal of the queue)
    )
)
_FINISH = hot(
    text(
        f"""
        UPDATE catalogue_import SET
            status = :status, problem = CAST(CAST(:problem AS text) AS jsonb),
            finished_at = CAST(:now AS timestamptz), expires_at = CAST(:expires_at AS timestamptz)
        WHERE {QUEUE.mine} RETURNING id
        """  # noqa: S608  (a literal of the queue)
    )
)
_KEEP_BAD = hot(
    text(
        """
        INSERT INTO import_bad_row (tenant_id, import_id, line, cells, problems)
        SELECT :tenant_id, :id, t.line, ARRAY(SELECT jsonb_array_elements_text(CAST(t.cells AS jsonb))),
               CAST(t.problems AS jsonb)
        FROM unnest(CAST(:lines AS bigint[]), CAST(:cells AS text[]), CAST(:problems AS text[]))
             AS t (line, cells, problems)
        """
    )
)
_BAD = hot(
    text(
        f"""
        SELECT line, to_jsonb(cells)::text AS cells, problems::text AS problems FROM import_bad_row
        WHERE tenant_id = :tenant_id AND import_id = :id AND line > CAST(:after AS bigint)
        ORDER BY line LIMIT {_AT_ONCE}
        """  # noqa: S608  (a number)
    )
)
_EXPIRE = hot(
    text(
        """
        DELETE FROM catalogue_import WHERE tenant_id = :tenant_id AND expires_at <= CAST(:now AS timestamptz)
        RETURNING id
        """
    )
)


def path_of(tenant_id: UUID, import_id: UUID) -> ObjectPath:
    """Where the file of an import lies."""
    return object_path(tenant_id, "imports", str(import_id))


async def require_room(tx: Tx) -> None:
    """Stop before anything is sent that would not be taken.

    Raises:
        TooManyImports.
    """
    row = await tx.one(_WAITING)
    if row is not None and row[0] >= MOST_WAITING:
        raise TooManyImports(retry_after=60)


async def ask(
    tx: Tx, import_id: UUID, kind: Format, name: str, mapping: Mapping[str, str], *, dry_run: bool, size: int, by: str
) -> ImportOut:
    """Have a file taken in that lies where `path_of` says.

    Raises:
        TooManyImports.
    """
    await require_room(tx)
    values = {
        "id": import_id,
        "format": kind,
        "name": name,
        "mapping": orjson.dumps(dict(mapping)).decode(),
        "dry_run": dry_run,
        "size": size,
        "by": by,
        "now": clock.now(),
    }
    await tx.rows(_ADD, values)
    return await one(tx, import_id)


async def page(tx: Tx, before: UUID, limit: int) -> list[tuple[UUID, ImportOut]]:
    """Imports before one, the latest first."""
    return [(row["id"], _out(row)) for row in await tx.rows(_PAGE, {"before": before, "limit": limit})]


async def one(tx: Tx, import_id: UUID) -> ImportOut:
    """How far an import is.

    Raises:
        ImportNotFound.
    """
    row = await tx.one(_ONE, {"id": import_id})
    if row is None:
        raise ImportNotFound
    return _out(row)


async def cancel(tx: Tx, import_id: UUID) -> ImportOut:
    """Take no more of it in; what was stays.

    Raises:
        ImportNotFound, ImportFinished.
    """
    now = clock.now()
    if await tx.one(_CANCEL, {"id": import_id, "now": now, "expires_at": now + KEPT}) is None:
        await one(tx, import_id)
        raise ImportFinished
    return await one(tx, import_id)


async def columns(tx: Tx, import_id: UUID) -> tuple[Format, list[str]]:
    """An import's format, and the first line of its file.

    Raises:
        ImportNotFound.
    """
    row = await tx.one(_COLUMNS, {"id": import_id})
    if row is None:
        raise ImportNotFound
    return row["format"], row["columns"]


async def bad_rows(tx: Tx, import_id: UUID, after: int) -> list[BadRow]:
    """Some of the rows that were not taken, those behind a line."""
    return [
        BadRow(row["line"], orjson.loads(row["cells"]), [Problem(**said) for said in orjson.loads(row["problems"])])
        for row in await tx.rows(_BAD, {"id": import_id, "after": after})
    ]


async def begin(tx: Tx, turn: Turn, names: Sequence[str]) -> None:
    """Write down what the first line says.

    Raises:
        TakenOver.
    """
    if await tx.one(_BEGIN, {**_mine(turn), "columns": [_keepable(one) for one in names]}) is None:
        raise TakenOver


async def go_on(tx: Tx, turn: Turn, outcome: Outcome, *, rows: int, read: int) -> None:
    """Write down what a batch came to, in its transaction: `rows` are through, `read` bytes of the file.

    Raises:
        TakenOver: another has it, or somebody has stopped it; what the batch brought is to be undone.
    """
    counts = {
        "created": outcome.created,
        "changed": outcome.changed,
        "unchanged": outcome.unchanged,
        "bad": len(outcome.bad),
    }
    if await tx.one(_GO_ON, {**_mine(turn), **counts, "rows": rows, "bytes": read}) is None:
        raise TakenOver
    if outcome.bad:
        values = {
            "lines": [row.line for row in outcome.bad],
            "cells": [_json([_keepable(cell) for cell in row.cells]) for row in outcome.bad],
            "problems": [
                _json([{"column": one.column, "reason": _keepable(one.reason)} for one in row.problems])
                for row in outcome.bad
            ],
        }
        await tx.rows(_KEEP_BAD, {**values, "id": turn.id})


async def finish(tx: Tx, turn: Turn, refused: FileRefused | None = None) -> None:
    """It is through, or can't go on.

    Raises:
        TakenOver.
    """
    problem = refused and {"line": refused.line, "column": _keepable(refused.column), "reason": refused.reason}
    now = clock.now()
    said = {"status": "refused" if refused else "done", "problem": problem and _json(problem)}
    if await tx.one(_FINISH, {**_mine(turn), **said, "now": now, "expires_at": now + KEPT}) is None:
        raise TakenOver


async def expire(tx: Tx) -> list[UUID]:
    """Forget those whose time is over; their files are to be deleted."""
    return [row["id"] for row in await tx.rows(_EXPIRE, {"now": clock.now()})]


def _mine(turn: Turn) -> dict[str, Any]:
    return {"id": turn.id, "attempt": turn.attempt}


def _keepable(cell: str) -> str:
    """A cell as Postgres can hold it: what was no UTF-8 is taken for what most such files are in."""
    try:
        cell.encode()
    except UnicodeEncodeError:
        cell = cell.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
    return cell.replace("\x00", "\ufffd")


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _out(row: Mapping[str, Any]) -> ImportOut:
    said = {name: row[name] for name in ImportOut.model_fields if name != "problem"}
    return ImportOut(**said, problem=row["problem"] and orjson.loads(row["problem"]))
