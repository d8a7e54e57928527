"""PayPal's amounts: major units as text, in the currencies it takes.

See https://developer.paypal.com/reference/currency-codes/.
"""

from __future__ import annotations

from decimal import Decimal

from foundation.money import exponent, from_decimal, to_decimal

_WHOLE = ("HUF", "JPY", "TWD")
"""PayPal knows no decimals of these, whatever ISO 4217 says."""
CURRENCIES = frozenset(
    (
        *("AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS"),
        *("JPY", "MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "SEK", "SGD", "THB", "TWD", "USD"),
    )
)


def to_paypal(amount: int, currency: str) -> dict[str, str] | None:
    """An amount as PayPal writes it; `None` when it can't be asked for just this one."""
    value = to_decimal(amount, currency)
    whole = currency in _WHOLE
    if currency not in CURRENCIES or (whole and value != value.to_integral_value()):
        return None
    return {"currency_code": currency, "value": f"{value:.0f}" if whole else f"{value:.{exponent(currency)}f}"}


def from_paypal(amount: dict[str, str]) -> int:
    """What PayPal writes, in minor units."""
    return from_decimal(Decimal(amount["value"]), amount["currency_code"])
