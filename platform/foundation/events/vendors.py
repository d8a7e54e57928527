"""What happens between the shop and its vendors."""

from __future__ import annotations

from foundation.events.envelope import Count, Payload
from foundation.types import Currency, Id, MinorUnits


class VendorPaidOut(Payload):
    """A vendor was paid what they had earned."""

    name = "vendor.paid_out"

    payout_id: Id
    vendor_id: Id
    amount: MinorUnits
    """Minor units."""
    currency: Currency
    orders: Count
    """How many of the vendor's orders it settled."""
