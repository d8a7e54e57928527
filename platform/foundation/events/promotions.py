"""What happens to coupons."""

from __future__ import annotations

from foundation.events.envelope import Payload
from foundation.types import Id, Instant


class CouponRedeemed(Payload):
    """A coupon was handed in."""

    name = "coupon.redeemed"

    coupon_id: Id
    campaign_id: Id
    original_at: Instant | None = None
