"""Prices in and out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from foundation.types import Currency, Id, Input, Instant, MinorUnits, Model, Quantity, Slug

MAX_OFFERS = 100

Source = Literal["list", "channel", "sale", "quantity_break", "group", "quote", "replacement"]


class ItemPrice(Model):
    """What one unit costs, in minor units, and why."""

    amount: int
    source: Source
    reason: str
    """In words, such as `quantity break from 10`."""
    list_price: int
    until: datetime | None
    """When it ends; it does not hold at that moment any more."""
    decision_id: Id | None
    """The decision that promised it."""

    def kept(self) -> str | None:
        """How a line keeps it: as JSON, and the list price as nothing at all."""
        return None if self.source == "list" else self.model_dump_json()


class QuantityBreak(ItemPrice):
    """What one unit costs whoever takes at least so many."""

    min_quantity: int


class ListPriceIn(Input):
    """What one unit of a variant costs when nothing else holds."""

    currency: Currency
    amount: MinorUnits
    compare_at: MinorUnits | None = None
    """What it cost before, as the catalogue shows it."""


class CostIn(Input):
    """What one unit of a variant costs the shop."""

    currency: Currency
    amount: MinorUnits | None
    """With the taxes that its prices hold, if they hold any; `null`: it is not known."""


class OfferIn(Input):
    """A price that holds for a time, from a quantity, for a group of customers, or on a sales channel; or for several
    of these at once.
    """

    amount: MinorUnits
    min_quantity: Quantity = 1
    group: Slug | None = None
    channel: Slug | None = None
    """Only there; without a group and a quantity it takes the place of the list price there."""
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    """Not included."""


class OffersIn(Input):
    """The offers of a variant in a currency, all of them."""

    currency: Currency
    offers: Annotated[list[OfferIn], Field(max_length=MAX_OFFERS)]


class PriceChangesQuery(Input):
    """Which part of a list of changes."""

    limit: Annotated[int, Field(ge=1, le=100, strict=False)] = 50
    cursor: Annotated[str, StringConstraints(max_length=200)] | None = None


class GroupIn(Input):
    """The group of customers that somebody belongs to, or none."""

    group: Slug | None


class QuoteIn(Input):
    """A price promised to one shopper: a customer, or a visitor who has not signed in."""

    holder_id: Id
    """The customer's id, or the visitor's."""
    variant_id: Id
    currency: Currency
    amount: MinorUnits
    decision_id: Id
    """The decision that gave it; the same one asked for again gives the same quote."""
    expires_at: Instant
    """Not included."""


class ListPriceOut(Model):
    """A variant's list price in a currency."""

    currency: Currency
    amount: int
    compare_at: int | None


class CostOut(Model):
    """What one unit of a variant costs the shop in a currency."""

    currency: Currency
    amount: int


class OfferSaid(Model):
    """A price other than the list price, and when it holds."""

    amount: int
    min_quantity: int
    group: str | None
    channel: str | None = None
    """Changes that were made before there were channels name none."""
    starts_at: datetime | None
    ends_at: datetime | None


class OfferOut(OfferSaid):
    """An offer that a variant has in a currency."""

    id: Id
    currency: Currency


class PricesOut(Model):
    """All prices of a variant."""

    sku: str
    variant_id: Id
    list_prices: list[ListPriceOut]
    offers: list[OfferOut]
    costs: list[CostOut]
    """What it costs the shop, where that is known; never shown to shoppers."""


class QuoteOut(Model):
    """A price that was promised, and until when."""

    id: Id
    amount: int
    currency: Currency
    decision_id: Id
    expires_at: datetime


class CustomerGroupOut(Model):
    """Which group a customer belongs to."""

    reference: str
    group: str | None


class PriceSaid(Model):
    """What was said of a variant's price in a currency."""

    amount: int
    """The list price, in minor units."""
    compare_at: int | None
    offers: list[OfferSaid]


class PriceChangeOut(Model):
    """A change of a variant's prices in a currency."""

    id: Id
    variant_id: Id
    at: datetime
    changed_by: str | None
    """The principal; `null` when the platform did it by itself, such as opening the shop."""
    currency: Currency
    before: PriceSaid | None
    """`null`: it had no price."""
    after: PriceSaid


class PriceChangeList(Model):
    """Changes of a variant's prices, the latest first."""

    items: list[PriceChangeOut]
    has_more: bool
    next_cursor: str | None
