"""What happens to money."""

from __future__ import annotations

from typing import Literal

from foundation.events.envelope import Count, Payload
from foundation.types import Currency, Day, Id, MinorUnits, Text


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


class PaymentsReconciled(Payload):
    """What a provider settled on a day was compared with the books for the first time."""

    name = "payments.reconciled"

    provider: Text
    day: Day
    lines: Count
    exceptions: Count
    """How many do not agree, or are missing."""


class PaymentRefundFailed(Payload):
    """Money could not go back to where a payment came from, or came back from there; it is owed still."""

    name = "payment.refund_failed"

    refund_id: Id
    payment_id: Id
    order_id: Id
    provider: Text
    amount: MinorUnits
    """Minor units."""
    currency: Currency
    reason: Text
    """The provider's word for it, such as `card_closed`."""


class PaymentCaptureFailed(Payload):
    """An authorisation ran out before it was captured: an order that stands is not paid for."""

    name = "payment.capture_failed"

    payment_id: Id
    order_id: Id
    provider: Text
    amount: MinorUnits
    """Minor units."""
    currency: Currency
    reason: Text
    """The provider's word for it, such as `authorisation_expired`."""


class PaymentDisputed(Payload):
    """A cardholder takes a payment back through the bank: the money is gone until that is decided."""

    name = "payment.disputed"

    dispute_id: Id
    payment_id: Id
    order_id: Id
    provider: Text
    amount: MinorUnits
    """Minor units."""
    currency: Currency
    reason: Text
    """The bank's word for it, such as `fraudulent`."""


class DisputeClosed(Payload):
    """A bank has decided who a payment's money belongs to."""

    name = "payment.dispute_closed"

    dispute_id: Id
    payment_id: Id
    order_id: Id
    outcome: Literal["won", "lost"]
    """Won is the money back with the shop."""
    amount: MinorUnits
    """Minor units."""
    currency: Currency
