"""A workbook is read when it is one that a spreadsheet wrote, and refused before it does harm when it is not."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime

import openpyxl
import pytest

from foundation import workbooks
from foundation.workbooks import NotAWorkbook


def _book(*rows: tuple[object, ...]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(written := io.BytesIO())
    return written.getvalue()


def _with_part(name: str, content: bytes, packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A workbook in which one part is another, or one more."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_book(("a",)))) as given, zipfile.ZipFile(written, "w", packing) as made:
        for part in given.infolist():
            if part.filename != name:
                made.writestr(part.filename, given.read(part))
        made.writestr(name, content)
    return written.getvalue()


def _of_many_parts() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as made:
        for number in range(1_001):
            made.writestr(f"{number}.bin", b"")
    return written.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
LAUGHS = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 12))
BILLION = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY l0 "ha">' + LAUGHS + b"]><l>&l11;</l>"
OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]><l>&x;</l>'
ATTACKS: dict[str, Callable[[], bytes]] = {
    "a part of 64 MiB": lambda: _with_part("xl/media/a.bin", bytes(2**26)),
    "a thousand parts": _of_many_parts,
    "entities in entities": lambda: _with_part(SHEET, BILLION),
    "a file of ours": lambda: _with_part(SHEET, OUTSIDE),
    "a document type in UTF-16": lambda: _with_part(
        SHEET, OUTSIDE.decode().replace("?>", ' encoding="UTF-16"?>').encode("utf-16")
    ),
    "entities in what says the parts": lambda: _with_part("_rels/.rels", BILLION),
    "a packing of bombs": lambda: _with_part("a.bin", b"x", zipfile.ZIP_LZMA),
    "a ZIP of something": lambda: _with_part("[Content_Types].xml", b"<nothing/>"),
    "half of it": lambda: _book(("a",))[:900],
    "no ZIP": lambda: b"PK\x03\x04" + bytes(100),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_what_no_spreadsheet_wrote_is_refused(attack: Callable[[], bytes]) -> None:
    with pytest.raises(NotAWorkbook):
        list(workbooks.rows(attack(), most_rows=10, most_columns=10))


def test_cells_are_told_as_spreadsheets_show_them() -> None:
    body = _book(
        ("SKU", 15 * 1.19, 12, 12.0, None, True, datetime(2026, 1, 31, tzinfo=UTC).replace(tzinfo=None), "=1+1")
    )
    (row,) = workbooks.rows(body, most_rows=10, most_columns=8)
    assert row == ["SKU", "17.85", "12", "12", "", "True", "2026-01-31T00:00:00", ""]


def test_a_row_far_below_is_not_reached() -> None:
    sheet = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
        b"</sheetData></worksheet>"
    )
    read = list(workbooks.rows(_with_part(SHEET, sheet), most_rows=3, most_columns=2))
    assert len(read) <= 3
    assert all(len(row) <= 2 for row in read)
