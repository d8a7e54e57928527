"""Files as rows of text, one after the other, whatever they are written in.

A CSV is in UTF-8, or in UTF-16 with its mark, parted by commas, semicolons, tabs or bars: by whichever the first line
has most of. Of a workbook the first sheet is read. Nothing here holds a file in memory. It blocks: use it in a thread.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import IO, Literal

from commerce.exchange import google
from commerce.exchange.problems import FileRefused
from foundation import spreadsheets, workbooks

Format = Literal["csv", "xlsx", "jsonl", "google"]
FORMATS: Mapping[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".xlsx": "xlsx",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".xml": "google",
}
"""What a file is by the end of its name."""
Came = tuple[int, list[str], list[str]]
"""A line's number, its cells, and the same as they came."""
_DELIMITERS = ",;\t|"
_LONGEST_LINE = 2**20
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(slots=True)
class Source:
    """A file's first line, and the rows below it."""

    names: list[str]
    """As they came."""
    rows: Iterator[Came]
    decimal_comma: bool = False
    """Amounts may be written `19,99`: where commas don't part cells."""
    meant: Mapping[str, str] = field(default_factory=dict)
    """What its columns are called here, where the format says so."""
    columns: Sequence[str] | None = None
    """What the cells are of, where that is not what came."""
    first_wins: bool = False
    """What is said of a product in its first row holds, whatever the others say."""


def opened(file: IO[bytes], kind: Format) -> Source:
    """The rows of a file that can be sought in.

    Raises:
        FileRefused: it is not of the format; also on the way.
    """
    head = file.read(4)
    file.seek(0)
    if kind == "xlsx":
        return _of_a_workbook(file)
    if kind == "jsonl":
        return Source([], ((line, [told], [told]) for line, told in _lines(_text(file, head)) if told.strip()))
    if kind == "google" and google.is_xml(file):
        return _translated(Source(list(google.ATTRIBUTES), google.items(file)))
    source = _of_a_csv(_text(file, head))
    return _translated(source) if kind == "google" else source


def _translated(source: Source) -> Source:
    """A feed for Google, in our own columns."""
    columns, translate = google.translation(source.names)
    rows = ((line, translate(cells), came) for line, cells, came in source.rows)
    return Source(source.names, rows, meant=google.MEANT, columns=columns, first_wins=True)


def _text(file: IO[bytes], head: bytes) -> io.TextIOWrapper:
    encoding = next((name for mark, name in _MARKS if head.startswith(mark)), "utf-8")
    # Bytes that are no UTF-8 become lone surrogates, which the row that has them is refused for.
    errors = "strict" if encoding == "utf-16" else "surrogateescape"
    return io.TextIOWrapper(file, encoding, errors=errors, newline="")


def _lines(text: io.TextIOWrapper) -> Iterator[tuple[int, str]]:
    line = 0
    try:
        while told := text.readline(_LONGEST_LINE):
            line += 1
            if len(told) >= _LONGEST_LINE:
                raise FileRefused(f"has more than {_LONGEST_LINE:,} characters", line=line)
            yield line, told
    except UnicodeError as fault:
        raise FileRefused("is not in the encoding that its mark says", line=line + 1) from fault
    finally:
        if not text.closed:
            text.detach()  # else the file would be closed with it


def _of_a_csv(text: io.TextIOWrapper) -> Source:
    lines = _lines(text)
    _, first = next(lines, (1, ""))
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(chain((first,), (told for _, told in lines)), delimiter=delimiter, strict=True)
    names = next(_records(reader), (1, list[str]()))[1]
    rows = ((line, [spreadsheets.armed(one) for one in cells], cells) for line, cells in _records(reader))
    return Source(names, rows, decimal_comma=delimiter != ",")


def _records(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Records with the line that each begins in; one that is no CSV has no cells."""
    while True:
        line = reader.line_num + 1  # type: ignore[attr-defined]
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield line, []
        else:
            if cells:
                yield line, cells


def _of_a_workbook(file: IO[bytes]) -> Source:
    rows = _sheet(file)
    names = next(rows, (1, list[str]()))[1]
    width = max((place for place, name in enumerate(names, start=1) if name), default=0)

    def cells() -> Iterator[Came]:
        for line, row in rows:
            if any(row):
                came = (row + [""] * width)[:width]
                yield line, [spreadsheets.armed(one) for one in came], came

    return Source(names[:width], cells())


def _sheet(file: IO[bytes]) -> Iterator[tuple[int, list[str]]]:
    try:
        yield from enumerate(workbooks.stream(file), start=1)
    except workbooks.NotAWorkbook as fault:
        raise FileRefused(str(fault)) from fault
