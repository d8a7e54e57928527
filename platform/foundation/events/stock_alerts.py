"""Who waits for something to be there again."""

from __future__ import annotations

from foundation.events.envelope import Payload
from foundation.types import Id


class StockAlertRequested(Payload):
    """Somebody waits for a variant that can't be had, by their account or by an address that they have proved."""

    name = "stock_alert.requested"

    alert_id: Id
    variant_id: Id
    product_id: Id


class StockAlertSent(Payload):
    """Whoever waited was told that the variant can be had again."""

    name = "stock_alert.sent"

    alert_id: Id
    variant_id: Id
    product_id: Id
