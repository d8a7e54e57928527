"""Strict inputs: what a value from outside must be before anything else sees it.

FastAPI's and Pydantic's defaults accept unknown fields, read `true` as 1, let NUL bytes through to Postgres (which
answers with an error) and know no upper bound. These types close each of those doors.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints


class Model(BaseModel):
    """What the platform gives out: immutable, with every field present."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Input(BaseModel):
    """What the platform takes in: unknown fields are refused and nothing is coerced."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def clean(value: str) -> str:
    """Text that Postgres and JSON can hold.

    Raises:
        ValueError: there is a NUL byte in it, or half a surrogate pair.
    """
    if "\x00" in value:
        raise ValueError("must not contain a NUL byte")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("must not contain a lone surrogate")
    return value


Id = Annotated[UUID, Field(strict=False)]
"""A UUID, also as its text."""

Instant = Annotated[AwareDatetime, Field(strict=False)]
"""A point in time with its zone, also as RFC 3339 text."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(clean)]
"""A line of text that Postgres can hold."""

LongText = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(clean)]

Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000), AfterValidator(clean)]
"""A few lines of text."""

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$", max_length=100)]

Email = Annotated[
    str, StringConstraints(pattern=r"^[^@\s\x00]+@[^@\s\x00]+\.[^@\s\x00]+$", max_length=254, to_lower=True)
]
"""An e-mail address, in lower case."""

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]

Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]

Quantity = Annotated[int, Field(ge=1, le=9_999)]
"""How many of a variant one line may hold."""

MinorUnits = Annotated[int, Field(ge=0, le=10**15)]


class MoneyOut(Model):
    """An amount in minor units of its currency: 1999 USD is $19.99."""

    amount: int
    currency: Currency
