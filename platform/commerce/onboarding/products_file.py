"""The first products of a shop, as a CSV or a workbook: every bad row is told, and nothing is taken while there is one.

| column | | holds |
|---|---|---|
| `sku` | required | the shop's own number of the article, once in the file |
| `title` | required | what it is called |
| `price` | required | in the shop's currency, with a point: `19.99` |
| `stock` | | units in the first warehouse; 0 without one |
| `category` | | where it is found; made if it isn't there |
| `brand` | | who makes it |
| `description` | | a few sentences |

The first line names the columns, in any order. A CSV is in UTF-8, separated by commas or semicolons; of a workbook the
first sheet is read.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from commerce.onboarding.schemas import FirstProduct, RowProblem
from foundation import workbooks
from foundation.money import minor_of
from foundation.types import clean, one_line

REQUIRED = ("sku", "title", "price")
OPTIONAL = ("stock", "category", "brand", "description")
MOST_ROWS = 1_000
MOST_PROBLEMS = 100
Line = tuple[int, list[str]]
"""A line's number, and its values."""
_LONGEST = {"sku": 100, "title": 200, "category": 100, "brand": 100, "description": 5_000}
_MOST_UNITS = 1_000_000


@dataclass(slots=True)
class Read:
    """What a file holds."""

    products: list[FirstProduct] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)


class _Bad(Exception):
    """A value can't be used."""


def read(body: bytes, currency: str) -> Read:
    """The products of a file, row by row; of problems at most `MOST_PROBLEMS` are told."""
    found = Read()
    try:
        lines = _of_a_workbook(body) if workbooks.is_workbook(body) else _of_a_csv(body)
        _, names = next(lines, (1, list[str]()))
        columns = [name.strip().lower() for name in names]
        if _known(columns, found):
            _rows(columns, lines, currency, found)
    except _Unreadable as fault:
        found.problems.append(RowProblem(line=fault.line, column="", reason=str(fault)))
    return found


class _Unreadable(Exception):
    """The file, or a line of it, is not of its own form."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def _of_a_csv(body: bytes) -> Iterator[Line]:
    try:
        text = codecs.decode(body.removeprefix(codecs.BOM_UTF8), "utf-8")
    except UnicodeDecodeError as fault:
        raise _Unreadable(body[: fault.start].count(b"\n") + 1, "is not UTF-8") from fault
    lines = text.splitlines(keepends=True)
    separator = ";" if lines and lines[0].count(";") > lines[0].count(",") else ","
    reader = csv.reader(lines, delimiter=separator, strict=True)
    try:
        yield from ((reader.line_num, row) for row in reader if row)
    except csv.Error as fault:
        raise _Unreadable(reader.line_num, f"is no CSV: {fault}") from fault


def _of_a_workbook(body: bytes) -> Iterator[Line]:
    # One more of each than there may be, so that what is too much is told.
    most = len(REQUIRED + OPTIONAL) + 1
    try:
        rows = list(workbooks.rows(body, most_rows=MOST_ROWS + 2, most_columns=most))
    except workbooks.NotAWorkbook as fault:
        raise _Unreadable(1, str(fault)) from fault
    width = max((place for place, name in enumerate(rows[0] if rows else (), start=1) if name), default=0)
    return ((line, row[:width]) for line, row in enumerate(rows, start=1) if any(row))


def _known(columns: list[str], found: Read) -> bool:
    for column in REQUIRED:
        if column not in columns:
            found.problems.append(RowProblem(line=1, column=column, reason="is missing"))
    for place, column in enumerate(columns):
        if column not in REQUIRED + OPTIONAL:
            found.problems.append(RowProblem(line=1, column=column[:100], reason="is no column that is known"))
        elif column in columns[:place]:
            found.problems.append(RowProblem(line=1, column=column, reason="is there twice"))
    return not found.problems


def _rows(columns: list[str], lines: Iterable[Line], currency: str, found: Read) -> None:
    seen: dict[str, int] = {}
    for line, row in lines:
        if len(found.problems) >= MOST_PROBLEMS:
            return
        if len(found.products) >= MOST_ROWS:
            reason = f"there are more than {MOST_ROWS} rows; the others can be added later"
            found.problems.append(RowProblem(line=line, column="", reason=reason))
            return
        if len(row) != len(columns):
            reason = "has not as many values as there are columns"
            found.problems.append(RowProblem(line=line, column="", reason=reason))
            continue
        before = len(found.problems)
        values = dict(_values(zip(columns, row, strict=True), line, currency, found))
        if len(found.problems) > before:
            continue
        first = seen.setdefault(values["sku"], line)
        if first != line:
            found.problems.append(RowProblem(line=line, column="sku", reason=f"is in line {first} already"))
        else:
            found.products.append(FirstProduct.model_validate(values))


def _values(row: Iterable[tuple[str, str]], line: int, currency: str, found: Read) -> Iterator[tuple[str, Any]]:
    for column, told in row:
        try:
            yield column, _PARSERS.get(column, _words)(column, told.strip(), currency)
        except _Bad as fault:
            found.problems.append(RowProblem(line=line, column=column, reason=str(fault)))


def _words(column: str, told: str, _currency: str) -> str | None:
    if column in REQUIRED and not told:
        raise _Bad("is empty")
    if len(told) > _LONGEST[column]:
        raise _Bad(f"has more than {_LONGEST[column]} characters")
    try:
        return (clean if column == "description" else one_line)(told) or None
    except ValueError as fault:
        raise _Bad(str(fault)) from None


def _price(_column: str, told: str, currency: str) -> int:
    try:
        return minor_of(told, currency)
    except ValueError as fault:
        raise _Bad(str(fault)) from None


def _units(_column: str, told: str, _currency: str) -> int:
    if not told:
        return 0
    if not (told.isascii() and told.isdigit()) or len(told) > 8 or int(told) > _MOST_UNITS:
        raise _Bad(f"is no whole number up to {_MOST_UNITS}")
    return int(told)


_PARSERS: dict[str, Callable[[str, str, str], Any]] = {"price": _price, "stock": _units}
