"""What becomes of carts, beside what goes in and out of them."""

from __future__ import annotations

from foundation.events.envelope import Count, Payload
from foundation.types import Currency, Id, Instant, MinorUnits


class CartMerged(Payload):
    """A visitor signed in, and their cart joined the customer's own."""

    name = "cart.merged"

    cart_id: Id
    """The cart that there is now."""
    merged_id: Id
    """The visitor's, which is no more."""
    units: Count
    """In the cart that there is now."""


class CartAbandoned(Payload):
    """A cart with something in it has not been touched for a while; told once, until it is touched again."""

    name = "cart.abandoned"

    cart_id: Id
    currency: Currency
    value: MinorUnits
    """Minor units, what the goods in it cost as they were last seen."""
    lines: Count
    units: Count
    last_active_at: Instant
