"""The bad rows of an import as a file: as they came, each with why it was not taken, to correct and send again."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from uuid import UUID

import orjson

from commerce.exchange import jobs
from commerce.exchange.columns import TOLD
from commerce.exchange.problems import BadRow
from commerce.exchange.reading import Format
from foundation.database import Database
from foundation.spreadsheets import disarmed

CSV, JSON_LINES = "text/csv; charset=utf-8", "application/jsonl"
MEDIA_TYPES: Mapping[Format, str] = {"csv": CSV, "xlsx": CSV, "google": CSV, "jsonl": JSON_LINES}
"""A workbook comes back as a CSV, and so does a feed."""
ENDINGS: Mapping[Format, str] = {"csv": "csv", "xlsx": "csv", "google": "csv", "jsonl": "jsonl"}
_MARK = "\ufeff"
"""By which spreadsheets know that a CSV is in UTF-8."""


async def pieces(
    database: Database, tenant_id: UUID, import_id: UUID, kind: Format, columns: Sequence[str]
) -> AsyncIterator[bytes]:
    """The file, some rows at a time."""
    if kind != "jsonl":
        yield (_MARK + _csv([[*columns, *TOLD]])).encode()
    after = -1
    while True:
        async with database.tx(tenant_id, read_only=True) as tx:
            rows = await jobs.bad_rows(tx, import_id, after)
        if not rows:
            return
        after = rows[-1].line
        yield _documents(rows) if kind == "jsonl" else _csv(_told(row, len(columns)) for row in rows).encode()


def _told(row: BadRow, width: int) -> list[str]:
    cells = [*row.cells, *[""] * (width - len(row.cells))][:width]
    columns, reasons = _why(row)
    return [*(disarmed(cell) for cell in cells), str(row.line), columns, reasons]


def _why(row: BadRow) -> tuple[str, str]:
    return "; ".join(one.column for one in row.problems), "; ".join(one.reason for one in row.problems)


def _csv(rows: Iterable[Sequence[str]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()


def _documents(rows: Sequence[BadRow]) -> bytes:
    return b"".join(orjson.dumps(_document(row)) + b"\n" for row in rows)


def _document(row: BadRow) -> dict[str, object]:
    told = row.cells[0] if row.cells else ""
    try:
        said = orjson.loads(told)
    except orjson.JSONDecodeError:
        said = None
    columns, reasons = _why(row)
    document = said if isinstance(said, dict) else {"text": told}
    return {**document, **dict(zip(TOLD, (row.line, columns, reasons), strict=True))}
