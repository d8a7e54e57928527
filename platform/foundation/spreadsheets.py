"""Rows for spreadsheets: CSV (RFC 4180) in which no cell is a formula.

A spreadsheet runs a text that begins like one, whoever wrote it (CSV injection, OWASP): an apostrophe before it makes
it a text, as spreadsheets themselves do it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001  (full width ones are run too)


def csv_of(rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV. Numbers stay numbers; a text that would be run is disarmed."""
    written = io.StringIO()
    csv.writer(written).writerows([_harmless(cell) for cell in row] for row in rows)
    return written.getvalue()


def disarmed(cell: str) -> str:
    """A text that no spreadsheet runs, from which `armed` gives back what it was."""
    return f"'{cell}" if _is_run(cell.lstrip(" '")) else cell


def armed(cell: str) -> str:
    """What `disarmed` was given."""
    return cell[1:] if cell.startswith("'") and _is_run(cell.lstrip(" '")) else cell


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and _is_run(cell.lstrip(" ")) else cell


def _is_run(cell: str) -> bool:
    return cell.startswith(_FORMULA)
