"""Tax rates in and out."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from commerce.taxes.quotes import TABLE, Quote
from commerce.taxes.schemes import Kind, Scheme
from commerce.taxes.vat_ids import Status
from foundation.types import Country, Input, MinorUnits, Model, Share, Slug, Text

MAX_RATES = 1_000

Region = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,3}$")]
"""The part of ISO 3166-2 after the country: `CA` of `US-CA`."""
EngineCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
PostalPrefix = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,10}$")]
"""The beginning of a postal code, without spaces and dashes."""
Applies = Literal["always", "within_region", "across_regions"]


class PolicyIn(Input):
    """Whether prices include tax, where the shop sells from, and what it is registered for."""

    included: bool
    lower_when_free: bool = True
    """Prices that include tax are lowered by it where none is charged; without it everybody pays the same."""
    country: Country
    region: Region | None = None
    oss: bool = True
    """Distance sales within the EU are taxed where they arrive; without it, where they are sold from."""
    ioss_limit: Annotated[MinorUnits, Field(ge=1)] | None = None
    """Registered for IOSS: what EUR 150 are, in minor units of the shop's currency."""
    vat_id: Text | None = None
    """The shop's own, without which nothing is sold free of tax to businesses elsewhere in the EU."""
    engine: Literal["table", "stripe", "avatax", "taxjar"] = "table"
    """Who says what the taxes are; without an answer the table does."""
    engine_codes: dict[Slug, EngineCode] = Field(default_factory=dict, max_length=200)
    """What the engine calls the shop's classes of goods."""


class PolicyOut(Model):
    """Whether prices include tax, where the shop sells from, and what it is registered for."""

    included: bool
    lower_when_free: bool
    country: Country
    region: str | None
    oss: bool
    ioss_limit: int | None
    vat_id: str | None
    engine: str
    engine_codes: dict[str, str]


GIFT_CARDS = "gift-card"
"""The class of gift cards. Money that buys them is not taxed; what they buy is."""


def _taxable(tax_class: str) -> str:
    if tax_class == GIFT_CARDS:
        raise ValueError("gift cards are not taxed when they are sold")
    return tax_class


class RateIn(Input):
    """A rate of a country, or of a region of it."""

    name: Text
    rate: Share
    """A share: "0.19" is 19 %."""
    region: Region | None = None
    postal_prefixes: list[PostalPrefix] = Field(default_factory=list, max_length=1_000)
    """How the destination's postal code begins; none means any."""
    tax_class: Annotated[Slug, AfterValidator(_taxable)] = "standard"
    compound: bool = False
    applies: Applies = "always"


class RatesIn(Input):
    """All rates of a country, in the order in which compound ones are taken."""

    rates: Annotated[list[RateIn], Field(max_length=MAX_RATES)]


class RateOut(Model):
    """A rate of a country, or of a region of it."""

    country: Country
    region: str | None
    postal_prefixes: list[str]
    tax_class: str
    name: str
    rate: Decimal
    compound: bool
    applies: str


class ClassIn(Input):
    """What is special about a class of what the shop sells."""

    kind: Kind = "goods"
    """A service is taxed where the shop is; what is supplied electronically, where the customer is."""
    reverse_charge: bool = False
    """A business of the shop's own country, whose number is in force, accounts for the tax itself."""


class ClassOut(Model):
    """What is special about a class of what the shop sells."""

    code: str
    kind: Kind
    reverse_charge: bool


class TaxesOut(Model):
    """A shop's policy, all of its rates, and the classes that are special."""

    policy: PolicyOut | None
    rates: list[RateOut]
    classes: list[ClassOut]


class TaxOut(Model):
    """What one tax comes to, in minor units: of which amount, at which share, under which scheme and why."""

    name: str
    rate: str
    base: int
    amount: int
    scheme: Scheme = "domestic"
    note: str = ""
    """The reason in law, as an invoice has to carry it."""


class TaxReportRow(Model):
    """What was sold to a country at a rate, less what was given back, and the tax of it, in minor units."""

    scheme: str
    country: str
    name: str
    rate: str
    currency: str
    taxable: int
    tax: int


class TaxReport(Model):
    """What is declared for a month or a quarter."""

    period: str
    begins: datetime
    ends: datetime
    """Not included."""
    rows: list[TaxReportRow]


class ReportQuery(Input):
    """Of which period, and of which scheme."""

    period: Text
    """`2026-Q4` or `2026-11`, by the shop's clocks."""
    scheme: Scheme | None = None


class TaxEngineOut(Model):
    """Who said what the taxes are: the shop's own table, or an engine outside, with its receipts."""

    name: str = TABLE
    references: list[str] = Field(default_factory=list)
    instead_of: str | None = None
    """The engine that gave no answer in time."""


OWN_TABLE = TaxEngineOut()


def engine_out(quote: Quote) -> TaxEngineOut:
    """Who gave a quote."""
    references = [answer.reference for answer in quote.answers if answer.reference]
    return TaxEngineOut(name=quote.engine, references=references, instead_of=quote.instead_of)


class VatIdIn(Input):
    """A business's VAT number."""

    vat_id: Annotated[str, StringConstraints(strip_whitespace=True, min_length=4, max_length=20)]


class VatIdOut(Model):
    """A business's VAT number, and whether it was found to be in force."""

    number: str
    status: Status
    checked_at: datetime
