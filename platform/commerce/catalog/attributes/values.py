"""What an attribute may be of a product, in the one form in which it is kept.

A value that is kept compares, sorts and counts as it is: a number in the attribute's own unit, a choice by its code, a
date as ISO 8601 has it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from commerce.catalog.attributes.schemas import Kind, Unit
from commerce.catalog.attributes.units import told_in
from commerce.catalog.words import without_markup
from foundation.errors import Unprocessable
from foundation.types import Input, one_line

LONGEST = 500
_MOST_DIGITS = 15
"""As many as a double tells apart, which is what reads the number in most languages."""
_LARGEST = Decimal(10) ** 12
_DIGITS = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")


class _Unfit(ValueError):
    """A value that is not of its attribute's kind."""


Kept = str | int | float | bool
"""A value as a product has it."""


class Measured(Input):
    """A number with its unit: one of another unit of the same dimension is told in the attribute's own."""

    amount: (
        Annotated[int, Field(ge=-(10**12), le=10**12)]
        | Annotated[float, Field(ge=-1e12, le=1e12)]
        | Annotated[str, StringConstraints(max_length=40)]
    )
    unit: Unit


Given = (
    bool
    | Annotated[int, Field(ge=-(10**12), le=10**12)]
    | Annotated[float, Field(ge=-1e12, le=1e12)]
    | Annotated[str, StringConstraints(strip_whitespace=True, max_length=LONGEST), AfterValidator(one_line)]
    | Measured
)
"""A value as it is written."""


class AttributeInvalid(Unprocessable):
    """A product can't have this value of the attribute."""

    code = "catalog.attribute_invalid"

    attribute: str
    reason: str


@dataclass(frozen=True, slots=True)
class Definition:
    """What there is to know of an attribute to check a value."""

    code: str
    kind: Kind
    unit: str | None = None
    choices: frozenset[str] = frozenset()
    retired: bool = False
    required: bool = False


def kept(attribute: Definition, given: Given) -> Kept:
    """The value in the form in which it is kept; that of a kept value is itself.

    Raises:
        AttributeInvalid.
    """
    try:
        return _KINDS[attribute.kind](attribute, given)
    except ValueError as fault:
        raise AttributeInvalid(attribute=attribute.code, reason=str(fault)) from fault


def _text(_: Definition, given: Given) -> str:
    if not isinstance(given, str) or not given:
        raise _Unfit("must be a line of text")
    return without_markup(given)


def _number(attribute: Definition, given: Given) -> int | float:
    amount, unit = (given.amount, given.unit) if isinstance(given, Measured) else (given, attribute.unit)
    number = _decimal(amount)
    if unit is not None and unit != attribute.unit:
        told = told_in(attribute.unit or "", number, unit)
        if told is None:
            raise _Unfit(f"must be in {attribute.unit or 'no unit'}, which {unit} can't be told in")
        number = told
    number = number.normalize()
    if abs(number) > _LARGEST or len(number.as_tuple().digits) > _MOST_DIGITS:
        raise _Unfit(f"must be at most {_LARGEST:f}, of at most {_MOST_DIGITS} digits")
    return int(number) if number == number.to_integral_value() else float(number)


def _decimal(amount: object) -> Decimal:
    if isinstance(amount, bool) or not isinstance(amount, str | int | float):
        raise _Unfit("must be a number")
    if isinstance(amount, str) and not _DIGITS.fullmatch(amount):
        raise _Unfit("must be a number, in digits and with a point")
    return Decimal(str(amount))


def _boolean(_: Definition, given: Given) -> bool:
    if not isinstance(given, bool):
        raise _Unfit("must be true or false")
    return given


def _choice(attribute: Definition, given: Given) -> str:
    if not isinstance(given, str) or given not in attribute.choices:
        raise _Unfit("must be the code of one of the attribute's choices")
    return given


def _date(_: Definition, given: Given) -> str:
    try:
        return date.fromisoformat(str(given)).isoformat()
    except ValueError:
        raise _Unfit("must be a date such as 2026-01-31") from None


_KINDS: Mapping[Kind, Callable[[Definition, Given], Kept]] = {
    "text": _text,
    "number": _number,
    "boolean": _boolean,
    "choice": _choice,
    "colour": _choice,
    "date": _date,
}
