"""What happens to stock."""

from __future__ import annotations

from foundation.events.envelope import Count, Payload
from foundation.types import Id


class StockLevelChanged(Payload):
    """What can be sold of a variant changed."""

    name = "stock.changed"

    variant_id: Id
    product_id: Id
    available: Count
    """Units that can be sold now."""


class StockAllocated(Payload):
    """Units that an order waited for are in."""

    name = "stock.allocated"

    order_id: Id
    variant_id: Id
    product_id: Id
    quantity: Count
