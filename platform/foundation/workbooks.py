"""Workbooks (Office Open XML, ECMA-376), from whoever sends one.

A workbook is a ZIP of XML, so it can be a bomb twice: by what it unpacks to, and by entities. It is read only when all
that it says it unpacks to is within a bound (the reader stops where that ends) and when no part of it declares a
document type, which no spreadsheet writes.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import date
from typing import Any

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, iterparse

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_SIGNATURE = b"PK\x03\x04"
_MOST_PARTS = 1_000
_MOST_BYTES = 32 * 2**20
"""Of all parts, unpacked."""
_PACKINGS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_XML = (".xml", ".rels")


class NotAWorkbook(ValueError):
    """It can't be read as a workbook; the text says why, for whoever sent it."""


def is_workbook(body: bytes) -> bool:
    """Whether a file begins as a workbook does."""
    return body.startswith(_SIGNATURE)


def rows(body: bytes, *, most_rows: int, most_columns: int) -> Iterator[list[str]]:
    """The cells of the first sheet as text, row by row: of formulas what they came to, of dates `2026-01-31`. Rows and
    columns beyond the most are left out.

    Raises:
        NotAWorkbook: it is none, or more than a shop's list of products.
    """
    _require_harmless(body)
    import openpyxl  # noqa: PLC0415  (it imports numpy, and few workers ever see a workbook)

    try:
        book = openpyxl.load_workbook(io.BytesIO(body), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what it says of its own size need not be so
        read = list(sheet.iter_rows(max_row=most_rows, max_col=most_columns, values_only=True))
    except Exception as fault:
        raise NotAWorkbook("is no workbook that can be read") from fault
    return ([_told(cell) for cell in row] for row in read)


def _require_harmless(body: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as packed:
            parts = packed.infolist()
            if len(parts) > _MOST_PARTS or sum(part.file_size for part in parts) > _MOST_BYTES:
                raise NotAWorkbook(f"unpacks to more than {_MOST_BYTES // 2**20} MiB")
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
            for _, element in iterparse(opened, forbid_dtd=True):
                element.clear()
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
