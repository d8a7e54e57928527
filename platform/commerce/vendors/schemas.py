"""Vendors in and out; amounts in minor units."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from foundation.types import Currency, Id, Input, Instant, MinorUnits, Model, Share, Text


class VendorIn(Input):
    """Who sells, and at which commission."""

    name: Text
    status: Literal["active", "suspended"] = "active"
    commission_rate: Share = Decimal(0)
    """A share of what shoppers pay for the vendor's lines, tax included: "0.12" is 12 %."""
    commission_fee: MinorUnits = 0
    """Once for each order."""


class VendorOut(Model):
    """A vendor, and what the books owe them."""

    id: Id
    code: str
    name: str
    status: str
    commission_rate: Decimal
    commission_fee: int


class VendorList(Model):
    """The shop's vendors."""

    items: list[VendorOut]


class AssignIn(Input):
    """Products that a vendor sells from now on; orders that were placed stay as they are."""

    product_ids: Annotated[list[Id], Field(min_length=1, max_length=1_000)]


class Assigned(Model):
    """How many products changed hands."""

    products: int


class VendorOrderOut(Model):
    """A vendor's part of an order."""

    id: Id
    vendor: str
    number: str
    fulfilment_state: Literal["unfulfilled", "partially_fulfilled", "shipped", "cancelled"]
    gross: int
    """What the shopper paid for the vendor's lines and keeps, tax included."""
    commission: int
    earned: int
    paid_out: int


class VendorLineOut(Model):
    """A line that the vendor sends."""

    id: Id
    sku: str
    title: str
    quantity: int
    fulfilled: int
    cancelled: int
    returned: int
    total: int


class VendorOrderDetail(VendorOrderOut):
    """A vendor's part of an order, with what to send and where."""

    currency: Currency
    placed_at: datetime
    address: dict[str, str | None] | None
    lines: list[VendorLineOut]


class VendorOrderList(Model):
    """A page of a vendor's orders, newest first."""

    items: list[VendorOrderOut]
    has_more: bool
    next_cursor: str | None


class PayoutIn(Input):
    """Pay a vendor for what was sent before an instant; fourteen days ago, unless said otherwise."""

    sent_before: Instant | None = None


class PayoutOut(Model):
    """Money that went to a vendor."""

    id: Id
    amount: int
    currency: Currency
    orders: int
    at: datetime


class PayoutList(Model):
    """What a vendor was paid, newest first."""

    items: list[PayoutOut]


class VendorBalance(Model):
    """What the books say of a vendor."""

    currency: Currency
    earned: int
    commission: int
    paid_out: int
    owed: int
    """Earned and not paid out."""
