"""Stripe's amounts: the smallest unit of a currency, but for those it treats its own way.

It knows no decimals where ISO 4217 knows two (MGA) and two where ISO knows none (ISK, UGX), and of three decimals it
takes only those that end in zero. See https://docs.stripe.com/currencies.
"""

from __future__ import annotations

from foundation.money import exponent

_EXPONENTS = {"MGA": 0, "ISK": 2, "UGX": 2}
_LAST_DIGIT_IS_ZERO = 3
_TENS = (1, 10, 100, 1000)


def to_stripe(amount: int, currency: str) -> int | None:
    """Minor units as Stripe counts them; `None` when it can't be asked for just this amount.

    An amount is never rounded to fit: what is charged is what the order says, or nothing.
    """
    units, rest = divmod(amount * _per_unit(currency), _per_minor(currency))
    if rest or (exponent(currency) == _LAST_DIGIT_IS_ZERO and units % 10):
        return None
    return units


def from_stripe(units: int, currency: str) -> int:
    """What Stripe counts, in minor units."""
    return units * _per_minor(currency) // _per_unit(currency)


def _per_unit(currency: str) -> int:
    return _TENS[_EXPONENTS.get(currency, exponent(currency))]


def _per_minor(currency: str) -> int:
    return _TENS[exponent(currency)]
