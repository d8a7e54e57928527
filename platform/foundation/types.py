"""Strict inputs: what a value from outside must be before anything else sees it.

FastAPI's and Pydantic's defaults accept unknown fields, read `true` as 1, let NUL bytes through to Postgres (which
answers with an error) and know no upper bound. These types close each of those doors.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, time
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NaiveDatetime,
    StringConstraints,
)


class Model(BaseModel):
    """What the platform gives out: immutable, with every field present."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Input(BaseModel):
    """What the platform takes in: unknown fields are refused and nothing is coerced."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


_CONTROLS = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
"""C0 and C1, but for what parts lines and columns."""
_MISLEADING = r"\u202a-\u202e\u2066-\u2069"
"""What turns the direction of the text after it, so that people read another text than programs do (Unicode Technical
Report 36, section 2.9). Hebrew and Arabic need none of these, and the marks that they do need are allowed."""
_UNCLEAN = re.compile(f"[{_CONTROLS}{_MISLEADING}\ud800-\udfff]")
_BREAKS = re.compile(r"[\t\n\r\u2028\u2029]")


def clean(value: str) -> str:
    """Text that Postgres and JSON can hold, and that people read as programs do.

    Raises:
        ValueError: there is a control character in it, half a surrogate pair, or what turns the text around.
    """
    if _UNCLEAN.search(value):
        raise ValueError("must not contain control characters, lone surrogates or characters that turn the text around")
    return value


def one_line(value: str) -> str:
    """Such text, of one line.

    Raises:
        ValueError: it has several, or is not clean.
    """
    if _BREAKS.search(value):
        raise ValueError("must be one line")
    return clean(value)


def _its_own_twin(value: str) -> str:
    if unicodedata.normalize("NFKC", value) != value:
        raise ValueError("must be written in the usual characters, such as a for \uff41 (Unicode's form NFKC)")
    return value


def _written(value: object) -> object:
    if isinstance(value, int | float) or (isinstance(value, str) and not _AS_WRITTEN.search(value)):
        raise ValueError("must be written as RFC 3339 says, such as 2026-01-31 or 2026-01-31T09:00:00Z")
    return value


def _plain_number(value: object) -> object:
    if isinstance(value, str) and not _DIGITS.search(value):
        raise ValueError("must be a number such as 0.19, in digits and with a point")
    return value


_DIGITS = re.compile(r"^-?[0-9]{1,20}(\.[0-9]{1,20})?$")

_AS_WRITTEN = re.compile(r"^\d+[-:]\d")
"""Not a number alone, which Pydantic takes for seconds since 1970."""

Id = Annotated[UUID, Field(strict=False)]
"""A UUID, also as its text."""

Instant = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_written)]
"""A point in time with its zone, also as RFC 3339 text."""

WallTime = Annotated[NaiveDatetime, Field(strict=False), BeforeValidator(_written)]
"""What the shop's clocks say, also as RFC 3339 text without a zone."""

Day = Annotated[date, Field(strict=False), BeforeValidator(_written)]
"""A date, also as RFC 3339 text."""

Hour = Annotated[time, Field(strict=False), BeforeValidator(_written)]
"""A time of day, also as RFC 3339 text."""

PLAIN_NUMBER = BeforeValidator(_plain_number)
"""For a decimal that is also taken as text: "0.1", and neither "1E-1" nor digits of other scripts."""

Share = Annotated[Decimal, Field(strict=False, ge=0, lt=1, max_digits=9, decimal_places=8), PLAIN_NUMBER]
"""A part of one, below it: 0.19 is 19 per cent."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(one_line)]
"""A line of text that means to people what it means to programs."""

MaybeText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(one_line)]
"""Such a line, or an empty one, which takes away what was there."""

LongText = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(clean)]

Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000), AfterValidator(clean)]
"""A few lines of text."""

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$", max_length=100)]

Email = Annotated[
    str,
    StringConstraints(pattern=r"^[^@\s\x00]+@[^@\s\x00]+\.[^@\s\x00]+$", max_length=254, to_lower=True),
    AfterValidator(one_line),
    AfterValidator(_its_own_twin),
]
"""An e-mail address, in lower case. Two that look alike to a mail server are not taken for two people."""

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]

Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]

Quantity = Annotated[int, Field(ge=1, le=9_999)]
"""How many of a variant one line may hold."""

MinorUnits = Annotated[int, Field(ge=0, le=10**15)]


class MoneyOut(Model):
    """An amount in minor units of its currency: 1999 USD is $19.99."""

    amount: int
    currency: Currency
