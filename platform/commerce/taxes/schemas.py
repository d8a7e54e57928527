"""Tax rates in and out."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from foundation.types import Country, Input, Model, Slug, Text

MAX_RATES = 1_000

Region = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,3}$")]
"""The part of ISO 3166-2 after the country: `CA` of `US-CA`."""
Share = Annotated[Decimal, Field(strict=False, ge=0, lt=1, max_digits=9, decimal_places=8)]
Applies = Literal["always", "within_region", "across_regions"]


class PolicyIn(Input):
    """Whether prices include tax, and where the shop sells from."""

    included: bool
    country: Country
    region: Region | None = None


class PolicyOut(Model):
    """Whether prices include tax, and where the shop sells from."""

    included: bool
    country: Country
    region: str | None


class RateIn(Input):
    """A rate of a country, or of a region of it."""

    name: Text
    rate: Share
    """A share: "0.19" is 19 %."""
    region: Region | None = None
    tax_class: Slug = "standard"
    compound: bool = False
    applies: Applies = "always"


class RatesIn(Input):
    """All rates of a country, in the order in which compound ones are taken."""

    rates: Annotated[list[RateIn], Field(max_length=MAX_RATES)]


class RateOut(Model):
    """A rate of a country, or of a region of it."""

    country: Country
    region: str | None
    tax_class: str
    name: str
    rate: Decimal
    compound: bool
    applies: str


class TaxesOut(Model):
    """A shop's policy and all of its rates."""

    policy: PolicyOut | None
    rates: list[RateOut]
