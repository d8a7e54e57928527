"""What happens to money."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from foundation.events.envelope import Count, Payload
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


class PaymentsReconciled(Payload):
    """What a provider settled on a day was compared with the books for the first time."""

    name = "payments.reconciled"

    provider: Text
    day: Annotated[date, Field(strict=False)]
    lines: Count
    exceptions: Count
    """How many do not agree, or are missing."""
