"""What happens to prices."""

from __future__ import annotations

from foundation.events.envelope import Count, Payload
from foundation.types import Currency, Id, Input, Instant, MinorUnits, Slug


class OfferedPrice(Input):
    """A price that holds for a time, from a quantity, for a group of customers, or on a sales channel."""

    amount: MinorUnits
    min_quantity: Count
    group: Slug | None = None
    channel: Slug | None = None
    starts_at: Instant | None = None
    ends_at: Instant | None = None


class PricesChanged(Payload):
    """The staff set a variant's list price or offers; what is said is how they are now."""

    name = "prices.changed"

    variant_id: Id
    currency: Currency
    list_price: MinorUnits
    """Minor units."""
    offers: list[OfferedPrice]


class PriceQuoted(Payload):
    """A shopper was promised a price; the envelope's `decision_id` is the decision that gave it."""

    name = "price.quoted"

    quote_id: Id
    variant_id: Id
    currency: Currency
    amount: MinorUnits
    """Minor units."""
    expires_at: Instant
