"""The first products of a shop, as a CSV: every bad row is told, and nothing is taken while there is one.

| column | | holds |
|---|---|---|
| `sku` | required | the shop's own number of the article, once in the file |
| `title` | required | what it is called |
| `price` | required | in the shop's currency, with a point: `19.99` |
| `stock` | | units in the first warehouse; 0 without one |
| `category` | | where it is found; made if it isn't there |
| `brand` | | who makes it |
| `description` | | a few sentences |

Separated by commas or semicolons, in UTF-8, the first line naming the columns in any order.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from commerce.onboarding.schemas import FirstProduct, RowProblem
from foundation.money import exponent

REQUIRED = ("sku", "title", "price")
OPTIONAL = ("stock", "category", "brand", "description")
MOST_ROWS = 1_000
MOST_PROBLEMS = 100
_LONGEST = {"sku": 100, "title": 200, "category": 100, "brand": 100, "description": 5_000}
_MOST_UNITS = 1_000_000
_MOST_MINOR = 10**12


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
        text = codecs.decode(body.removeprefix(codecs.BOM_UTF8), "utf-8")
    except UnicodeDecodeError as fault:
        line = body[: fault.start].count(b"\n") + 1
        found.problems.append(RowProblem(line=line, column="", reason="is not UTF-8"))
        return found
    lines = text.splitlines(keepends=True)
    separator = ";" if lines and lines[0].count(";") > lines[0].count(",") else ","
    reader = csv.DictReader(lines, delimiter=separator, strict=True)
    try:
        if _columns(reader.fieldnames or (), found):
            _rows(reader, currency, found)
    except csv.Error as fault:
        found.problems.append(RowProblem(line=reader.reader.line_num, column="", reason=f"is no CSV: {fault}"))
    return found


def _columns(names: Any, found: Read) -> bool:
    named = [str(name).strip().lower() for name in names]
    for column in REQUIRED:
        if column not in named:
            found.problems.append(RowProblem(line=1, column=column, reason="is missing"))
    for place, column in enumerate(named):
        if column not in REQUIRED + OPTIONAL:
            found.problems.append(RowProblem(line=1, column=column[:100], reason="is no column that is known"))
        elif column in named[:place]:
            found.problems.append(RowProblem(line=1, column=column, reason="is there twice"))
    return not found.problems


def _rows(reader: csv.DictReader[str], currency: str, found: Read) -> None:
    reader.fieldnames = [str(name).strip().lower() for name in reader.fieldnames or ()]
    seen: dict[str, int] = {}
    for row in reader:
        if len(found.problems) >= MOST_PROBLEMS:
            return
        line = reader.line_num
        if len(found.products) >= MOST_ROWS:
            reason = f"there are more than {MOST_ROWS} rows; the others can be added later"
            found.problems.append(RowProblem(line=line, column="", reason=reason))
            return
        before = len(found.problems)
        values = dict(_values(row, line, currency, found))
        if len(found.problems) > before:
            continue
        first = seen.setdefault(values["sku"], line)
        if first != line:
            found.problems.append(RowProblem(line=line, column="sku", reason=f"is in line {first} already"))
        else:
            found.products.append(FirstProduct.model_validate(values))


def _values(row: dict[Any, Any], line: int, currency: str, found: Read) -> Iterator[tuple[str, Any]]:
    if None in row or None in row.values():
        found.problems.append(RowProblem(line=line, column="", reason="has not as many values as there are columns"))
        return
    for column, told in row.items():
        try:
            yield column, _PARSERS.get(column, _words)(column, told.strip(), currency)
        except _Bad as fault:
            found.problems.append(RowProblem(line=line, column=column, reason=str(fault)))


def _words(column: str, told: str, _currency: str) -> str | None:
    if column in REQUIRED and not told:
        raise _Bad("is empty")
    if len(told) > _LONGEST[column]:
        raise _Bad(f"has more than {_LONGEST[column]} characters")
    if "\x00" in told:
        raise _Bad("has a NUL byte")
    return told or None


def _price(_column: str, told: str, currency: str) -> int:
    try:
        amount = Decimal(told)
    except InvalidOperation:
        raise _Bad("is no number such as 19.99") from None
    if not amount.is_finite() or "e" in told.lower() or "_" in told:
        raise _Bad("is no number such as 19.99")
    minor = amount.scaleb(exponent(currency))
    if minor != minor.to_integral_value():
        raise _Bad(f"has more places than {currency} has")
    if not 0 <= minor <= _MOST_MINOR:
        raise _Bad("is below zero, or too high")
    return int(minor)


def _units(_column: str, told: str, _currency: str) -> int:
    if not told:
        return 0
    if not (told.isascii() and told.isdigit()) or len(told) > 8 or int(told) > _MOST_UNITS:
        raise _Bad(f"is no whole number up to {_MOST_UNITS}")
    return int(told)


_PARSERS: dict[str, Callable[[str, str, str], Any]] = {"price": _price, "stock": _units}
