"""What happens to discounts and coupons."""

from __future__ import annotations

from foundation.events.envelope import Payload
from foundation.types import Currency, Id, Instant, MinorUnits


class CouponRedeemed(Payload):
    """A coupon was handed in."""

    name = "coupon.redeemed"

    coupon_id: Id
    campaign_id: Id
    original_at: Instant | None = None


class DiscountRedeemed(Payload):
    """A discount code was used for an order."""

    name = "discount.redeemed"

    code_id: Id
    order_id: Id
    currency: Currency
    amount: MinorUnits
    """Minor units that it took off."""


class DiscountReleased(Payload):
    """An order was cancelled, and its use of a discount code given back."""

    name = "discount.released"

    code_id: Id
    order_id: Id
