"""What is exported to be opened in a spreadsheet runs nothing there."""

from __future__ import annotations

import csv
import io

import pytest

from foundation.spreadsheets import csv_of


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        " =1+1",
        '=HYPERLINK("http://evil.example")',
        "=cmd|' /C calc'!A0",
    ],
)
def test_a_text_that_would_be_run_is_disarmed_and_still_readable(text: str) -> None:
    ((cell, plain),) = csv.reader(io.StringIO(csv_of([[text, "Tomato soup"]]), newline=""))
    assert cell == f"'{text}"
    assert plain == "Tomato soup"


def test_numbers_stay_numbers_and_quotes_are_quoted() -> None:
    assert csv_of([[-5, 1.5, None, 'say "no"', "a,b"]]) == '-5,1.5,,"say ""no""","a,b"\r\n'
