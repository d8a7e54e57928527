"""What happens to money."""

from __future__ import annotations

from foundation.events.envelope import Payload
from foundation.types import Currency, Id, MinorUnits, Text


class PaymentCaptured(Payload):
    """Money for an order was taken."""

    name = "payment.captured"

    payment_id: Id
    order_id: Id
    provider: Text
    amount: MinorUnits
    """Minor units."""
    currency: Currency


class PaymentRefused(Payload):
    """The provider would not authorise a payment."""

    name = "payment.refused"

    payment_id: Id
    cart_id: Id
    provider: Text
    reason: Text
    """The provider's word for it, such as `card_declined`."""


class PaymentRefunded(Payload):
    """Money went back to where a payment came from."""

    name = "payment.refunded"

    refund_id: Id
    payment_id: Id
    order_id: Id
    provider: Text
    amount: MinorUnits
    """Minor units."""
    currency: Currency
