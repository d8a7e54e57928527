"""What a value from outside may be."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError, create_model

from foundation.types import Day, Email, Hour, Input, Instant, LongText, Note, Share, Text, WallTime


def _taken(of: Any, value: object) -> object:
    """The value as a field of this kind keeps it."""
    field: Any = create_model("Field", __base__=Input, value=(of, ...))
    return field(value=value).value


def _refused(of: Any, value: object) -> bool:
    try:
        _taken(of, value)
    except ValidationError:
        return True
    return False


@pytest.mark.parametrize(
    "name",
    ["Søren Kierkegård", "דוד בן־גוריון", "محمد الفاتح", "\u200fדוד\u200f", "名前", "Zoë 👩‍👩‍👧"],  # noqa: RUF001
)
def test_names_of_every_script_are_taken(name: str) -> None:
    assert _taken(Text, name) == name


@pytest.mark.parametrize("sign", ["\x00", "\x07", "\x1b", "\x85", "\u202e", "\u2066", "\ud800"])
def test_what_people_cannot_see_and_programs_act_on_is_refused(sign: str) -> None:
    assert _refused(Text, f"a{sign}b")
    assert _refused(Note, f"a{sign}b")
    assert _refused(LongText, f"a{sign}b")


@pytest.mark.parametrize("sign", ["\n", "\r", "\t", "\u2028"])
def test_a_line_is_one_line_and_a_note_has_several(sign: str) -> None:
    assert _refused(Text, f"Subject{sign}Bcc: a@example.com")
    assert not _refused(Note, f"first{sign}second")


@pytest.mark.parametrize("address", ["ａdmin@example.com", "admin@ｅxample.com", "a\u202edmin@example.com"])  # noqa: RUF001
def test_a_twin_of_an_address_is_refused(address: str) -> None:
    assert _refused(Email, address)
    assert not _refused(Email, "jörg@bücher.example")


@pytest.mark.parametrize("of", [Instant, Day, Hour, WallTime])
def test_a_number_is_no_time(of: object) -> None:
    assert _refused(of, 1_790_000_000)
    assert _refused(of, "1790000000")
    assert _refused(of, True)


@pytest.mark.parametrize("text", ["1E-1", "0.１", "NaN", "١", " 0.1", "0.123456789", "1", "-0.1", ""])  # noqa: RUF001
def test_a_share_is_written_in_digits_and_is_less_than_one(text: str) -> None:
    assert _refused(Share, text)
    assert not _refused(Share, "0.19")
    assert not _refused(Share, 0.19)
