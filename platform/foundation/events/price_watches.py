"""Who watches what something costs."""

from __future__ import annotations

from foundation.events.envelope import Payload
from foundation.types import Id


class PriceWatchRequested(Payload):
    """Somebody wants to know when a variant costs less."""

    name = "price_watch.requested"

    variant_id: Id
    product_id: Id


class PriceDropSent(Payload):
    """Whoever watches a variant was told that it costs less."""

    name = "price_drop.sent"

    variant_id: Id
    product_id: Id
