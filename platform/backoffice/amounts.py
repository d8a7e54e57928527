"""Amounts of money as people type them."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from foundation.money import exponent, from_decimal, to_decimal


def minor(typed: str, currency: str) -> int:
    """What was typed, in minor units: `19.99` and `19,99` USD are 1999.

    Raises:
        ValueError: it is no amount, or finer than the currency.
    """
    try:
        amount = Decimal(typed.strip().replace(",", "."))
    except InvalidOperation:
        raise ValueError("must be an amount such as 19.99") from None
    if not amount.is_finite() or -int(amount.as_tuple().exponent) > exponent(currency):
        raise ValueError(f"must be an amount of at most {exponent(currency)} decimals")
    return from_decimal(amount, currency)


def typed(amount: int, currency: str) -> str:
    """An amount as one types it: 1999 USD is `19.99`."""
    return f"{to_decimal(amount, currency):.{exponent(currency)}f}"
