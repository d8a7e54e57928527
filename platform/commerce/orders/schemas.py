"""Orders out."""

from __future__ import annotations

from datetime import datetime

from foundation.types import Currency, Id, Model, MoneyOut


class OrderLineOut(Model):
    """A line of an order."""

    id: Id
    product_id: Id
    variant_id: Id
    sku: str
    title: str
    quantity: int
    unit_price: int
    discount: int
    total: int


class OrderOut(Model):
    """An order."""

    id: Id
    number: str
    status: str
    currency: Currency
    placed_at: datetime
    subtotal: int
    discount: int
    shipping: int
    tax: int
    total: MoneyOut
    lines: list[OrderLineOut]


class OrderSummary(Model):
    """An order in a list."""

    id: Id
    number: str
    status: str
    placed_at: datetime
    total: MoneyOut


class OrderList(Model):
    """A page of orders, newest first."""

    items: list[OrderSummary]
    has_more: bool
    next_cursor: str | None
