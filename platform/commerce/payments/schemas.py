"""Payments out."""

from __future__ import annotations

from datetime import datetime

from commerce.ledger.schemas import PostingOut
from foundation.types import Currency, Id, Model


class PaymentOut(Model):
    """An attempt to pay; the amount is in minor units."""

    id: Id
    provider: str
    provider_reference: str | None
    status: str
    amount: int
    currency: Currency
    created_at: datetime


class RefundOut(Model):
    """Money on its way back; minor units."""

    id: Id
    payment_id: Id
    amount: int
    currency: Currency
    status: str
    reason: str
    failure: str | None
    created_at: datetime


class OrderMoney(Model):
    """An order's money: how it was paid and given back, and what the books say of it, in the order it happened."""

    payments: list[PaymentOut]
    refunds: list[RefundOut]
    postings: list[PostingOut]
