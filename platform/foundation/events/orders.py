"""What happens to orders."""

from __future__ import annotations

from foundation.events.envelope import Count, Payload
from foundation.types import Currency, Id, Input, Instant, MinorUnits


class OrderLine(Input):
    """A line of an order, as it was placed."""

    line_id: Id
    product_id: Id
    variant_id: Id
    quantity: Count
    """Units."""
    unit_price: MinorUnits
    """Minor units, before the discount."""
    discount: MinorUnits
    """Minor units, of the whole line."""
    total: MinorUnits
    """Minor units: unit price times quantity, less the discount."""
    decision_id: Id | None = None
    """The decision that had put the product in front of the shopper."""


class OrderPlaced(Payload):
    """A shopper's order was accepted and its stock committed."""

    name = "order.placed"

    order_id: Id
    currency: Currency
    subtotal: MinorUnits
    """Minor units, the lines before discounts."""
    discount: MinorUnits
    shipping: MinorUnits
    tax: MinorUnits
    total: MinorUnits
    """Minor units: subtotal less discount, plus shipping and tax."""
    lines: list[OrderLine]
    original_at: Instant | None = None
    """When it really happened, for history whose dates were shifted."""
