"""What happens to taxes."""

from __future__ import annotations

from foundation.events.envelope import Payload
from foundation.types import Currency, Id, Input, Text


class DeclaredTax(Input):
    """What of a movement of money was taxed in one way."""

    country: str
    """ISO 3166; empty where nothing was sent."""
    scheme: Text
    name: str
    """The tax's, such as `VAT`."""
    rate: str
    """A share, such as `0.19`."""
    taxable: int
    """Minor units without the tax; less than zero was given back."""
    tax: int
    """Minor units."""


class TaxDeclared(Payload):
    """It was written down, for good, what a movement of money was of."""

    name = "tax.declared"

    posting_id: Id
    """The movement."""
    order_id: Id
    currency: Currency
    entries: list[DeclaredTax]
