"""Carts in and out."""

from __future__ import annotations

from typing import Literal

from foundation.types import Currency, Id, Input, Model, MoneyOut, Quantity


class AddLine(Input):
    """So many of a variant into the cart."""

    variant_id: Id
    quantity: Quantity = 1
    decision_id: Id | None = None
    """The recommendation it was chosen from."""


class ChangeLine(Input):
    """How many the line should hold."""

    quantity: Quantity


RequirementCode = Literal["cart.empty", "cart.price_changed", "catalog.not_for_sale", "inventory.out_of_stock"]


class Requirement(Model):
    """Something to put right before the cart can be completed."""

    code: RequirementCode
    detail: str
    line_id: Id | None = None
    available: int | None = None
    unit_price: int | None = None


class CartLineOut(Model):
    """A line of a cart."""

    id: Id
    variant_id: Id
    product_id: Id
    handle: str
    sku: str
    title: str
    image: str | None
    quantity: int
    unit_price: int
    """The price the shopper last saw and accepted."""
    total: int
    decision_id: Id | None


class TotalsOut(Model):
    """Sums in minor units of the cart's currency."""

    subtotal: int
    discount: int
    shipping: int
    tax: int
    total: int


class CartOut(Model):
    """A cart, what it costs, and what stands in its way."""

    id: Id
    status: str
    version: int
    currency: Currency
    lines: list[CartLineOut]
    totals: TotalsOut
    total: MoneyOut
    item_count: int
    requirements: list[Requirement]
