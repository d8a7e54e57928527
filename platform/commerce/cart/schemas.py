"""Carts in and out."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from commerce.delivery.schemas import AddressIn, AddressOut, DeliveryOut, SlotChoice
from commerce.pricing.schemas import ItemPrice
from commerce.promotions.schemas import CodeName, Standing
from commerce.taxes.schemas import TaxEngineOut, TaxOut, VatIdOut
from foundation.types import Currency, Id, Input, Model, MoneyOut, Quantity, Slug


class AddLine(Input):
    """So many of a variant into the cart."""

    variant_id: Id
    quantity: Quantity = 1
    decision_id: Id | None = None
    """The recommendation it was chosen from."""


class ChangeLine(Input):
    """How many the line should hold."""

    quantity: Quantity


class GiveCode(Input):
    """A discount code, as it was typed."""

    code: CodeName


RequirementCode = Literal[
    "cart.empty",
    "cart.price_changed",
    "catalog.not_for_sale",
    "checkout.address_missing",
    "checkout.consignments_differ",
    "checkout.slot_gone",
    "checkout.slot_missing",
    "checkout.delivery_missing",
    "checkout.delivery_unavailable",
    "inventory.out_of_stock",
    "promotions.code_not_running",
    "promotions.code_used_up",
]


class Requirement(Model):
    """Something to put right before the cart can be completed."""

    code: RequirementCode
    detail: str
    line_id: Id | None = None
    available: int | None = None
    unit_price: int | None = None
    consignment: int | None = None
    """Which of the consignments, counted from 1."""
    discount_code: str | None = None
    """The code to take out."""


class ShareOut(Model):
    """A line's share of a discount, in minor units."""

    name: str
    amount: int


class LineExplanation(Model):
    """Where a line's amounts come from."""

    price: ItemPrice | None
    """Why its unit price; `None` where that was not kept."""
    discounts: list[ShareOut]
    """They add up to the line's discount."""
    taxes: list[TaxOut]
    """They add up to the line's tax."""


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
    explanation: LineExplanation
    decision_id: Id | None
    available: int
    """How many can be had, those included that would have to come in first."""
    promised_on: date | None
    """When it would be in; `null` when it is there."""


class CartCodeOut(Model):
    """A discount code in a cart, whether it holds, and what it takes off in minor units."""

    code: str
    standing: Standing
    off: int
    minimum: int
    """What the goods have to cost for it."""


class TotalsOut(Model):
    """Sums in minor units of the cart's currency."""

    subtotal: int
    discount: int
    discounts: list[ShareOut]
    """They add up to the discount."""
    shipping: int
    tax: int
    tax_included: bool
    """The tax is part of the prices, and not added to them."""
    taxes: list[TaxOut]
    total: int


class ConsignedUnits(Model):
    """Units of a cart's line that go with one consignment."""

    line_id: Id
    quantity: int


class SlotChosen(Model):
    """A window on a day as a cart's row has it."""

    slot_id: Id
    day: date


class ConsignmentKept(Model):
    """A consignment as a cart's row has it."""

    address: AddressOut | None
    delivery_code: str | None
    slot: SlotChosen | None = None
    lines: list[ConsignedUnits] = Field(default_factory=list)


class ConsignmentOut(Model):
    """Some of a cart's units, where they go and how, and what that costs in minor units."""

    address: AddressOut | None
    delivery: DeliveryOut | None
    lines: list[ConsignedUnits]
    goods: int
    shipping: int
    tax: int
    """On its goods and its delivery."""
    taxes: list[TaxOut]


class ConsignedUnitsIn(Input):
    """Units of a cart's line."""

    line_id: Id
    quantity: Quantity


class ConsignmentIn(Input):
    """Some of the cart's units, where they go, and the code of the way to deliver."""

    address: AddressIn | None = None
    delivery: Slug | None = None
    slot: SlotChoice | None = None
    """When, for a way to deliver that has windows."""
    lines: Annotated[list[ConsignedUnitsIn], Field(min_length=1, max_length=100)]


class ConsignmentsIn(Input):
    """How a cart is split; nothing puts it together again."""

    consignments: Annotated[list[ConsignmentIn], Field(max_length=20)]


class CartOut(Model):
    """A cart, what it costs, and what stands in its way."""

    id: Id
    status: str
    version: int
    currency: Currency
    lines: list[CartLineOut]
    codes: list[CartCodeOut]
    totals: TotalsOut
    total: MoneyOut
    delivers: bool
    """An address or a place to collect it is asked for."""
    address: AddressOut | None
    delivery: DeliveryOut | None
    consignments: list[ConsignmentOut]
    """How it is split; nothing, when all of it goes one way."""
    tax_engine: TaxEngineOut
    """Who said what the taxes are."""
    vat_id: VatIdOut | None
    item_count: int
    requirements: list[Requirement]
