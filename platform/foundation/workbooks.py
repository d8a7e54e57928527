"""Workbooks (Office Open XML, ECMA-376), from whoever sends one.

A workbook is a ZIP of XML, so it can be a bomb twice: by what it unpacks to, and by entities. It is read only when all
that it says it unpacks to is within a bound (the reader stops where that ends) and when no part of it declares a
document type, which no spreadsheet writes.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date
from typing import IO, Any, cast

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, iterparse

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_ROWS = 2**20
"""Of a sheet (ECMA-376 has no bound; spreadsheets do)."""
_SIGNATURE = b"PK\x03\x04"
_MOST_PARTS = 1_000
_MOST_BYTES = 32 * 2**20
"""Of all parts, unpacked."""
_MOST_STREAMED, _MOST_SHARED = 8 * 2**30, 128 * 2**20
"""The same of a workbook that is streamed; and of the part with the texts that cells share."""
_SHARED = "sharedStrings.xml"
_PACKINGS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_XML = (".xml", ".rels")
_NO_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


class NotAWorkbook(ValueError):
    """It can't be read as a workbook; the text says why, for whoever sent it."""


class TooManyRows(ValueError):
    """A sheet has no room for as many."""


class Writing:
    """A workbook of one sheet of texts, written through a file on disk: it may have any number of rows."""

    def __init__(self) -> None:
        import openpyxl  # noqa: PLC0415

        self._book = openpyxl.Workbook(write_only=True)
        self._sheet = self._book.create_sheet()
        self._rows = 0
        self._saved = False

    def add(self, rows: Sequence[Sequence[str]]) -> None:
        """Rows below those that are there; characters that XML can't hold are left out.

        Raises:
            TooManyRows.
        """
        self._rows += len(rows)
        if self._rows > MOST_ROWS:
            raise TooManyRows
        for row in rows:
            self._sheet.append([_NO_XML.sub("", cell) for cell in row])

    def save(self, out: IO[bytes]) -> None:
        """Write all of it; `out` is written to from beginning to end."""
        self._saved = True
        self._book.save(out)

    def close(self) -> None:
        """Give the file on disk back, if it was never saved."""
        if not self._saved:
            self.save(cast("IO[bytes]", _Nowhere()))


class _Nowhere:
    """What is written here is gone."""

    def write(self, piece: bytes) -> int:
        return len(piece)

    def flush(self) -> None:
        """There is nothing to send on."""


def is_workbook(body: bytes) -> bool:
    """Whether a file begins as a workbook does."""
    return body.startswith(_SIGNATURE)


def rows(body: bytes, *, most_rows: int, most_columns: int) -> Iterator[list[str]]:
    """The cells of the first sheet as text, row by row: of formulas what they came to, of dates `2026-01-31`. Rows and
    columns beyond the most are left out.

    Raises:
        NotAWorkbook: it is none, or more than a shop's list of products.
    """
    _require_harmless(io.BytesIO(body), most_bytes=_MOST_BYTES)
    import openpyxl  # noqa: PLC0415  (it imports numpy, and few workers ever see a workbook)

    try:
        book = openpyxl.load_workbook(io.BytesIO(body), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what it says of its own size need not be so
        read = list(sheet.iter_rows(max_row=most_rows, max_col=most_columns, values_only=True))
    except Exception as fault:
        raise NotAWorkbook("is no workbook that can be read") from fault
    return ([_told(cell) for cell in row] for row in read)


def stream(file: IO[bytes]) -> Iterator[list[str]]:
    """The same of a file on disk, of any number of rows, read as they are asked for. Texts that cells share are held in
    memory, which is what bounds them.

    Raises:
        NotAWorkbook: also on the way.
    """
    _require_harmless(file, most_bytes=_MOST_STREAMED)
    with zipfile.ZipFile(file) as packed:
        if any(part.file_size > _MOST_SHARED for part in packed.infolist() if part.filename.endswith(_SHARED)):
            raise NotAWorkbook(f"shares more than {_MOST_SHARED // 2**20} MiB of texts: save it as CSV")
    import openpyxl  # noqa: PLC0415

    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()
        for row in sheet.iter_rows(values_only=True):
            yield [_told(cell) for cell in row]
    except Exception as fault:
        raise NotAWorkbook("is no workbook that can be read") from fault


def _require_harmless(file: IO[bytes], *, most_bytes: int) -> None:
    try:
        with zipfile.ZipFile(file) as packed:
            parts = packed.infolist()
            if len(parts) > _MOST_PARTS or sum(part.file_size for part in parts) > most_bytes:
                raise NotAWorkbook(f"unpacks to more than {most_bytes // 2**20} MiB")
            if any(part.compress_type not in _PACKINGS for part in parts):
                raise NotAWorkbook("is packed in a way that no spreadsheet packs")
            for part in parts:
                if part.filename.lower().endswith(_XML):
                    _require_no_document_type(packed, part)
    except (zipfile.BadZipFile, RuntimeError, EOFError, OSError) as fault:
        raise NotAWorkbook("is no workbook that can be read") from fault


def _require_no_document_type(packed: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    try:
        with packed.open(part) as opened:
            # A document type stands before the first element, and nowhere else.
            next(iterparse(opened, events=("start",), forbid_dtd=True), None)
    except DefusedXmlException as fault:
        raise NotAWorkbook("declares a document type") from fault
    except ParseError as fault:
        raise NotAWorkbook("is no workbook that can be read") from fault


def _told(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):  # as spreadsheets show it: 15 * 1.19 is 17.85
        return f"{cell:.15g}"
    return cell.isoformat() if isinstance(cell, date) else str(cell)
