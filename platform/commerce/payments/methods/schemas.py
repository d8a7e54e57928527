"""Saved instruments in and out, and what may stand for one."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated

from pydantic import AfterValidator

from foundation.types import Id, Input, Model, Text

_DIGITS = re.compile(r"(?<![0-9A-Za-z])[0-9](?:[ -]?[0-9]){11,18}(?![0-9A-Za-z])")
"""As many digits as a card's number has, not part of a longer word."""


def looks_like_a_card(value: str) -> bool:
    """Whether a card's number stands in a text: digits of its length whose check digit is right."""
    return any(_checks(re.sub(r"[ -]", "", found)) for found in _DIGITS.findall(value))


def _checks(number: str) -> bool:
    doubled = (int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(number)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _no_card(value: str) -> str:
    if looks_like_a_card(value):
        raise ValueError("must be the provider's token, never a card's number")
    return value


Token = Annotated[Text, AfterValidator(_no_card)]
"""What a provider gave for an instrument; a card's number is refused."""


class MethodIn(Input):
    """An instrument to keep, by the one-time token that its provider gave the browser."""

    provider: Text
    token: Token
    is_default: bool = False


class MethodOut(Model):
    """An instrument kept for its customer."""

    id: Id
    provider: str
    label: str
    expires: date | None
    is_default: bool
    created_at: datetime


class MethodList(Model):
    """What a customer has kept, the default first, then the newest."""

    items: list[MethodOut]
