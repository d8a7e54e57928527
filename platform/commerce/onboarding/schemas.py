"""The steps of opening a shop, in and out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from commerce.configuration.schemas import Colour, Locale, Zone
from commerce.onboarding.names import CURRENCIES, ShopSlug
from commerce.payments.accounts.schemas import Account, ProviderName
from commerce.sessions.schemas import Password
from commerce.taxes.vat_ids import MalformedVatId, well_formed
from foundation.types import Country, Currency, Email, Input, MinorUnits, Model, Share, Text


def _known_currency(value: str) -> str:
    if value not in CURRENCIES:
        raise ValueError("is no currency that a shop can have")
    return value


def _vat_id(value: str) -> str:
    try:
        return well_formed(value)
    except MalformedVatId as fault:
        raise ValueError("is no VAT number") from fault


KnownCurrency = Annotated[Currency, AfterValidator(_known_currency)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$", max_length=40)]


class BeginIn(Input):
    """Who opens a shop, and what it is called."""

    name: Text
    slug: ShopSlug
    """The first word of its address."""
    email: Email
    password: Password


class TaxRate(Input):
    """The tax of a country."""

    country: Country
    name: Text = "VAT"
    rate: Share
    """A share: "0.19" is 19 %."""


class Selling(Input):
    """In which money, where to, and with which taxes."""

    currency: KnownCurrency
    locale: Locale = "en-US"
    zone: Zone = "UTC"
    home: Country
    """Where it sells from."""
    countries: Annotated[list[Country], Field(min_length=1, max_length=100)]
    """Where it sends to."""
    delivery_price: MinorUnits = 0
    prices_include_tax: bool = True
    rates: Annotated[list[TaxRate], Field(max_length=100)] = Field(default_factory=list)
    vat_id: Annotated[Text, AfterValidator(_vat_id)] | None = None


class Stock(Input):
    """The first warehouse, and whether to begin with a sample of products."""

    code: Code = "main"
    name: Text = "Main warehouse"
    country: Country | None = None
    """Where it is; without one, where the shop sells from."""
    sample: bool = False


class Paying(Input):
    """By whom payments are taken."""

    provider: ProviderName
    account: Account | None = None
    """The shop's own account there; without one the money goes to the installation's."""


class Look(Input):
    """What the shop looks like."""

    accent: Colour | None = None
    headline: Text | None = None


class Answers(Input):
    """Steps that were taken, in any order; one that is left out is as it was."""

    name: Text | None = None
    slug: ShopSlug | None = None
    selling: Selling | None = None
    stock: Stock | None = None
    paying: Paying | None = None
    look: Look | None = None


class FirstProduct(Model):
    """A product of the file."""

    sku: str
    title: str
    price: int
    stock: int = 0
    category: str | None = None
    brand: str | None = None
    description: str | None = None


class RowProblem(Model):
    """What is wrong in a file, and where."""

    line: int
    column: str
    """Empty: the whole line."""
    reason: str


class ProductsOut(Model):
    """What was read of a file."""

    products: int


Step = Literal["selling", "stock", "paying"]


class SignUpOut(Model):
    """How far it is."""

    answers: Answers
    products: int
    missing: list[Step]
    """Steps without which there is no shop."""
    address: str
    """Where the shop will be."""
    providers: list[str]
    """Who can take payments here."""
    expires_at: datetime
    """When all this is forgotten, unless the shop is open by then."""
    finished: bool


class Begun(Model):
    """A shop that is being set up."""

    token: str
    """Goes on with it, as a bearer token; it is in this answer alone."""
    sign_up: SignUpOut


class Opened(Model):
    """A shop that is there."""

    address: str
    slug: str
    status: Literal["active", "unverified"]
    """`unverified`: it opens once the owner has followed the link in the mail."""
    api_key: str | None
    """The owner's first key, which may do everything. It is shown for an hour."""


class TenantIn(Input):
    """A shop that the operator opens for somebody. The rest is set up by its owner."""

    slug: ShopSlug
    name: Text
    owner: Email
    """The address of whoever it belongs to."""
    country: Country
    """Where it sells from, and to for now."""
    currency: KnownCurrency
    provider: ProviderName = "test"
    """Who takes its payments."""


class ProofIn(Input):
    """What the mail to the owner carries."""

    token: Annotated[str, StringConstraints(pattern=r"^two_[0-9a-f]{32}_[A-Za-z0-9]{40,60}$")]


class ProvedOut(Model):
    """The shop that is open now."""

    address: str
