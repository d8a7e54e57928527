"""What happens between the shop and its vendors."""

from __future__ import annotations

from foundation.events.envelope import Count, Payload
from foundation.types import Currency, Id, MinorUnits


class VendorEarned(Payload):
    """What a vendor earns of an order changed: it was paid for, or some of it was given up since."""

    name = "vendor.earned"

    vendor_id: Id
    order_id: Id
    earned: int
    """Minor units more than before; less than zero is taken back."""
    commission: int
    """Minor units that the shop keeps of it, more than before."""
    currency: Currency


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
