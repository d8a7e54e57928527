"""Rows of a file made into drafts: what they say of each product, before anything is known of the shop."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory
from typing import Any, Self

import orjson
from pydantic import TypeAdapter, ValidationError

from commerce.exchange.columns import (
    ATTRIBUTE,
    CLEARED,
    COST,
    PRICE_ON,
    PRODUCT,
    SKU,
    TOLD,
    VARIANT,
    Layout,
    Unfit,
    alt,
    links,
    meant,
)
from commerce.exchange.problems import BadRow, Problem
from foundation.types import MinorUnits, clean

CHANNEL_PRICES = "channel_prices"
"""What a document calls the prices of channels: amounts by their codes."""
_NOT_UTF_8 = re.compile("[\udc80-\udcff]")
_OF_A_PRODUCT = 1_000
"""Rows that are taken for one product at once; the catalogue takes fewer variants than that."""


@dataclass(slots=True)
class Row:
    """A row of the file, and what is wrong with it."""

    line: int
    cells: list[str]
    """As they came."""
    problems: list[Problem] = field(default_factory=list)

    def told(self) -> BadRow:
        """The row for the file of bad ones."""
        return BadRow(self.line, self.cells, self.problems)


@dataclass(slots=True)
class Piece:
    """What a row says of its variant."""

    row: Row
    sku: str
    given: dict[str, Any]
    options: list[tuple[str | None, str]]
    """What it is of each option; a name that the row leaves out is that of the row before, or the product's own."""
    internal: dict[str, int | None] = field(default_factory=dict)
    """By the column: what it costs the shop, and on channels; `None` takes that away."""


@dataclass(slots=True)
class Draft:
    """What a file says of a product in rows that follow each other."""

    handle: str | None
    given: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    """`None`: the value is taken away."""
    rows: list[Row] = field(default_factory=list)
    """All of them, also those that say nothing good of a variant."""
    said_in: dict[str, Row] = field(default_factory=dict)
    """By the column, where what is said of the product stands."""
    pieces: list[Piece] = field(default_factory=list)
    native: bool = False
    """Values of attributes have the types of JSON; else all are texts."""


class Seen:
    """The SKUs of a file and their lines, on disk: a million of them need no more memory than ten."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="tradewind-import-")
        self._kept = sqlite3.connect(f"{self._folder.name}/seen", isolation_level=None, check_same_thread=False)
        self._kept.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -16384;"
            "CREATE TABLE seen (sku TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID; BEGIN"
        )

    def first(self, sku: str, line: int) -> int:
        """The line in which the SKU stands first."""
        if self._kept.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (sku, line)).rowcount:
            return line
        found: int = self._kept.execute("SELECT line FROM seen WHERE sku = ?", (sku,)).fetchone()[0]
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._kept.close()
        self._folder.cleanup()


def of_rows(
    rows: Iterable[tuple[int, list[str], list[str]]], layout: Layout, seen: Seen, *, first_wins: bool = False
) -> Iterator[Draft]:
    """Drafts of rows (line, cells, cells as they came): those of one handle that follow each other are one.

    With `first_wins`, rows that say otherwise of their product than its first are not wrong.
    """
    draft: Draft | None = None
    for line, cells, came in rows:
        row = Row(line, came)
        handle = _cell(cells, layout.handle)
        goes_on = draft is not None and handle is not None and draft.handle == handle
        if draft is not None and (not goes_on or len(draft.rows) >= _OF_A_PRODUCT):
            yield draft
            draft = None
        draft = draft or Draft(handle)
        draft.rows.append(row)
        if len(cells) != layout.width:
            row.problems.append(Problem("", "has not as many values as there are columns"))
            continue
        if unclean := _unclean(cells, layout):
            row.problems.append(unclean)
            continue
        _read_product(draft, row, cells, layout, first_wins=first_wins)
        _read_variant(draft, row, cells, layout, seen)
    if draft is not None:
        yield draft


def of_documents(lines: Iterable[tuple[int, list[str], list[str]]], seen: Seen) -> Iterator[Draft]:
    """Drafts of JSON Lines: a product a line, `variants` a list, by the names that columns have."""
    for line, cells, came in lines:
        row = Row(line, came)
        draft = Draft(None, rows=[row], native=True)
        try:
            if "\\u0000" in cells[0]:
                raise _NoDocument("has a control character in it")
            _read_document(draft, row, orjson.loads(clean(cells[0].strip())), seen)
        except orjson.JSONDecodeError:
            row.problems.append(Problem("", "is no JSON"))
        except ValueError as fault:
            row.problems.append(Problem("", str(fault)))
            draft.pieces.clear()
        yield draft


def _read_product(draft: Draft, row: Row, cells: list[str], layout: Layout, *, first_wins: bool) -> None:
    for place, name, read in layout.product:
        told = cells[place] if name == "description" else cells[place].strip()
        if not told.strip() or (first_wins and name in draft.given):
            continue
        try:
            _say(draft, row, name, read(told))
        except Unfit as fault:
            row.problems.append(Problem(name, str(fault)))
    for place, code in layout.attributes:
        if told := cells[place].strip():
            _say_attribute(draft, row, code, None if told == CLEARED else meant(told))


def _read_variant(draft: Draft, row: Row, cells: list[str], layout: Layout, seen: Seen) -> None:
    sku = cells[layout.sku].strip()
    if not _is_first(row, sku, seen):
        return
    piece = Piece(row, sku, {}, [])
    for columns, given in ((layout.variant, piece.given), (layout.internal, piece.internal)):
        for place, name, read in columns:
            if told := cells[place].strip():
                try:
                    given[name] = read(told)
                except Unfit as fault:
                    row.problems.append(Problem(name, str(fault)))
    for place, (named, valued) in enumerate(layout.options):
        if told := cells[valued].strip():
            name_of = None if named is None else cells[named].strip() or None
            piece.options.append((name_of or _named_before(draft, place), told))
    if not row.problems:
        draft.pieces.append(piece)


def _unclean(cells: list[str], layout: Layout) -> Problem | None:
    """What no text may have is told before anything is looked up by it."""
    try:
        clean(" ".join(cells))
    except ValueError:
        for place, cell in enumerate(cells):
            try:
                clean(cell)
            except ValueError as fault:
                reason = "is not in UTF-8" if _NOT_UTF_8.search(cell) else str(fault)
                return Problem(layout.names[place], reason)
    return None


def _is_first(row: Row, sku: str, seen: Seen) -> bool:
    if not sku:
        row.problems.append(Problem(SKU, "is empty"))
        return False
    first = seen.first(sku, row.line)
    if first != row.line:
        row.problems.append(Problem(SKU, f"is in line {first} already"))
    return first == row.line


def _named_before(draft: Draft, place: int) -> str | None:
    last = draft.pieces[-1].options if draft.pieces else []
    return last[place][0] if place < len(last) else None


def _say(draft: Draft, row: Row, name: str, value: Any) -> None:
    if name not in draft.given:
        draft.given[name] = value
        draft.said_in[name] = row
    elif draft.given[name] != value:
        row.problems.append(Problem(name, f"is another than in line {draft.said_in[name].line}"))


def _say_attribute(draft: Draft, row: Row, code: str, value: Any) -> None:
    if code not in draft.attributes:
        draft.attributes[code] = value
        draft.said_in[f"{ATTRIBUTE}{code}"] = row
    elif draft.attributes[code] != value:
        first = draft.said_in[f"{ATTRIBUTE}{code}"].line
        row.problems.append(Problem(f"{ATTRIBUTE}{code}", f"is another than in line {first}"))


class _NoDocument(ValueError):
    """JSON that says no product."""


_OF_A_DOCUMENT = {*PRODUCT, *TOLD, "handle", "attributes", "options", "variants"}
_OF_A_VARIANT = {*VARIANT, SKU, "options", COST, CHANNEL_PRICES}
_AMOUNT = TypeAdapter[int | None](MinorUnits | None)


def _read_document(draft: Draft, row: Row, said: Any, seen: Seen) -> None:
    if not isinstance(said, dict) or not isinstance(said.get("variants"), list) or not said["variants"]:
        raise _NoDocument("is no product with variants")
    _require_known(said, _OF_A_DOCUMENT)
    handle = said.get("handle")
    if not isinstance(handle, str | None):
        raise _NoDocument("has a handle that is no text")
    draft.handle = handle
    for name in said.keys() & set(PRODUCT):
        _say(draft, row, name, _shaped(name, said[name]))
    attributes = said.get("attributes") or {}
    if not isinstance(attributes, dict):
        raise _NoDocument("has attributes that are none")
    for code, value in attributes.items():
        _say_attribute(draft, row, code, value)
    pieces = [_piece(row, one) for one in said["variants"]]
    firsts = [_is_first(row, piece.sku, seen) for piece in pieces]
    draft.pieces = pieces if all(firsts) else []


def _piece(row: Row, one: Any) -> Piece:
    if not isinstance(one, dict):
        raise _NoDocument("has a variant that is none")
    _require_known(one, _OF_A_VARIANT)
    sku, options = one.get(SKU), one.get("options") or {}
    if not isinstance(sku, str) or not isinstance(options, dict):
        raise _NoDocument("has a variant without a SKU")
    given = {name: one[name] for name in VARIANT if name in one}
    return Piece(row, sku.strip(), given, list(options.items()), _internal(one))


def _internal(one: Mapping[str, Any]) -> dict[str, int | None]:
    channels = one.get(CHANNEL_PRICES) or {}
    if not isinstance(channels, dict):
        raise _NoDocument("has prices of channels that are none")
    said = {f"{PRICE_ON}{code}": amount for code, amount in channels.items()}
    if COST in one:
        said[COST] = one[COST]
    for name, amount in said.items():
        try:
            _AMOUNT.validate_python(amount, strict=True)
        except ValidationError:
            raise _NoDocument(f"has a {name[:100]} that is no amount in minor units") from None
    return said


def _require_known(said: Mapping[str, Any], known: set[str]) -> None:
    for name in said:
        if name not in known:
            raise _NoDocument(f"says {name[:100]}, which is not known")


def _shaped(name: str, value: Any) -> Any:
    if name in {"category", "status", "image_alt"} and not isinstance(value, str | None):
        raise _NoDocument(f"has a {name} that is no text")
    if name == "images" and not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
        raise _NoDocument("has images that are no list of links")
    if name == "image_alt":
        return alt(value or "")
    return links(value) if name == "images" else value


def _cell(cells: list[str], place: int | None) -> str | None:
    return (cells[place].strip() or None) if place is not None and place < len(cells) else None
