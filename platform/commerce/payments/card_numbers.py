"""What must never be kept: the numbers of cards, recognised by their length and their check digit."""

from __future__ import annotations

import re

_DIGITS = re.compile(r"(?<![0-9A-Za-z])[0-9](?:[ -]?[0-9]){11,18}(?![0-9A-Za-z])")
"""As many digits as a card's number has, not part of a longer word."""


def looks_like_a_card(value: str) -> bool:
    """Whether a card's number stands in a text: digits of its length whose check digit is right."""
    return any(_checks(re.sub(r"[ -]", "", found)) for found in _DIGITS.findall(value))


def _checks(number: str) -> bool:
    doubled = (int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(number)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
