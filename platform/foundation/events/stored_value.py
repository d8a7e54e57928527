"""What happens to gift cards and store credit."""

from __future__ import annotations

from typing import Literal

from foundation.events.envelope import Payload
from foundation.types import Currency, Id, MinorUnits


class GiftCardDelivered(Payload):
    """A gift card that was bought is good: a mail tells its buyer where to see the code, which no event carries."""

    name = "gift_card.delivered"

    order_id: Id
    line_id: Id
    card_id: Id
    amount: MinorUnits
    """Minor units that it is good for."""
    currency: Currency


class StoredValueMoved(Payload):
    """Money moved onto or off a gift card or a grant of store credit."""

    name = "stored_value.moved"

    value_id: Id
    kind: Literal["gift_card", "store_credit"]
    movement: Literal["issued", "spent", "refunded", "expired", "withdrawn"]
    amount: MinorUnits
    """Minor units."""
    currency: Currency
    reference_id: Id | None = None
    """The payment or refund it was for."""
