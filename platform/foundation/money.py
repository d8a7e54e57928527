"""Money: integers of minor units with their ISO 4217 currency, one rounding function, exact apportioning."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

MINOR_UNITS: dict[str, int] = {
    **dict.fromkeys(
        (
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
"""ISO 4217 minor units of the currencies that do not have two."""


_AMOUNT = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?", re.ASCII)
_MOST_DIGITS = 12


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies were added or compared."""


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in minor units (cents, yen, fils) of a currency."""

    amount: int
    currency: str

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other).amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other).amount, self.currency)

    def __mul__(self, quantity: int) -> Money:
        return Money(self.amount * quantity, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __str__(self) -> str:
        return f"{to_decimal(self.amount, self.currency)} {self.currency}"

    def _same(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} do not add up")
        return other


def exponent(currency: str) -> int:
    """How many decimals the currency has: 0 for JPY, 2 for USD, 3 for KWD."""
    return MINOR_UNITS.get(currency, 2)


def to_decimal(amount: int, currency: str) -> Decimal:
    """Minor units as a decimal of major units: 1999 USD is 19.99."""
    return Decimal(amount).scaleb(-exponent(currency))


def round_minor(value: Decimal | Fraction) -> int:
    """A fraction of minor units to whole minor units, half to even: the only place where money is rounded."""
    if isinstance(value, Fraction):
        return round(value)
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def minor_of(told: str, currency: str) -> int:
    """What somebody has written of an amount, such as `19.99`, in minor units: exactly, or not at all.

    Raises:
        ValueError: it is no such number, is below zero or too high, or has more places than the currency has.
    """
    found = _AMOUNT.fullmatch(told)
    if found is None:
        raise ValueError("is no number such as 19.99")
    whole, sign, places = found[2], found[1], found[3] or ""
    digits = exponent(currency)
    if places[digits:].strip("0"):
        raise ValueError(f"has more places than {currency} has")
    if sign or len(whole) > _MOST_DIGITS:
        raise ValueError("is below zero, or too high")
    return int(whole + places[:digits].ljust(digits, "0"))


def from_decimal(value: Decimal, currency: str) -> int:
    """Major units to whole minor units, rounded by `round_minor`."""
    return round_minor(value.scaleb(exponent(currency)))


_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "INR": "₹", "JPY": "¥", "CAD": "CA$", "AUD": "A$"}


def readable(amount: int, currency: str) -> str:
    """Minor units as a shopper reads them: 1999 USD is $19.99."""
    number = f"{to_decimal(abs(amount), currency):,.{exponent(currency)}f}"
    symbol = _SYMBOLS.get(currency)
    sign = "\N{MINUS SIGN}" if amount < 0 else ""
    return f"{sign}{symbol}{number}" if symbol else f"{sign}{number} {currency}"


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Split `total` in proportion to `weights` so that the parts add up to it exactly.

    Largest remainder (Hare-Niemeyer) on exact rationals; ties go to the earlier part, so the answer is stable. With no
    weight at all the parts are as equal as they can be.

    Raises:
        ValueError: for a negative weight, or a total with nothing to bear it.
    """
    if any(weight < 0 for weight in weights):
        raise ValueError("weights must not be negative")
    if not weights:
        if total:
            raise ValueError("an amount can't be apportioned over nothing")
        return []
    shares = list(weights) if any(weights) else [1] * len(weights)
    whole, sign = sum(shares), -1 if total < 0 else 1
    exact = [Fraction(abs(total) * share, whole) for share in shares]
    parts = [int(part) for part in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: (parts[i] - exact[i], i))
    for i in by_remainder[: abs(total) - sum(parts)]:
        parts[i] += 1
    return [sign * part for part in parts]
