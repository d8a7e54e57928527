"""Carts in and out."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from commerce.delivery.schemas import AddressIn, AddressOut, DeliveryOut, SlotChoice
from commerce.pricing.schemas import ItemPrice
from commerce.promotions.schemas import CodeName, Standing
from commerce.taxes.schemas import TaxEngineOut, TaxOut, VatIdOut
from foundation.types import Currency, Id, Input, MinorUnits, Model, MoneyOut, Note, Quantity, Slug, Text


class AddLine(Input):
    """So many of a variant into the cart."""

    variant_id: Id
    quantity: Quantity = 1
    decision_id: Id | None = None
    """The recommendation it was chosen from."""


class ChangeLine(Input):
    """How many the line should hold."""

    quantity: Quantity


class NoteIn(Input):
    """A word to the shop; none takes it back."""

    note: Note | None


class GiftIn(Input):
    """How to give it away: wrapped, with a message, or both."""

    wrap: bool = False
    message: Note | None = None


class GiftWrapIn(Input):
    """What it costs to have something wrapped, in the shop's currency."""

    price: MinorUnits
    tax_class: Slug = "standard"
    active: bool = True


class AcceptIn(Input):
    """Take what changed: the cart's version as it was shown, and which changes were."""

    version: Annotated[int, Field(ge=1, le=2**31 - 1)]
    changes_seen: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{24}$")] | None = None
    """The cart's `changes_seen`; without it those of the moment are taken."""


class TakeShared(Input):
    """The token of a shared cart."""

    token: Text


class GiveCode(Input):
    """A discount code, as it was typed."""

    code: CodeName


RequirementCode = Literal[
    "cart.empty",
    "cart.gift_wrap_gone",
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


class GiftOut(Model):
    """How it is given away."""

    wrap: bool
    message: str | None


class GiftWrapOut(Model):
    """What the shop asks for wrapping, in minor units of its currency."""

    price: int
    tax_class: str
    active: bool


class FeeOut(Model):
    """Something beside the goods that costs, in minor units."""

    name: str
    amount: int
    tax: int


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
    gift: GiftOut | None
    decision_id: Id | None
    available: int
    """How many can be had, those included that would have to come in first."""
    promised_on: date | None
    """When it would be in; `null` when it is there."""
    digital: bool
    """It is downloaded."""


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
    fees: list[FeeOut]
    """They are part of the total."""
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


class Change(Model):
    """Something that is not as the shopper last saw it."""

    kind: Literal["price_up", "price_down", "not_sold", "less_stock", "delivery_gone", "code_over", "gift_wrap_gone"]
    line_id: Id | None
    title: str
    """The line's, the code, or the delivery's code."""
    before: int | None
    """A price in minor units, or units."""
    after: int | None


class SoldToday(Model):
    """So many of a variant on somebody's list, at today's price."""

    variant_id: Id
    product_id: Id
    handle: str
    sku: str
    title: str
    image: str | None
    quantity: int
    price: ItemPrice | None
    """Of one; `None` when it is not sold any more."""
    available: int


class SavedItemOut(SoldToday):
    """Something kept for later."""

    id: Id


class SavedItems(Model):
    """What a shopper keeps for later, the last first."""

    currency: Currency
    items: list[SavedItemOut]


class ShareLinkOut(Model):
    """The token of a shared cart, shown once; whoever has it can look."""

    token: str
    expires_at: datetime


class SharedLineOut(SoldToday):
    """A line of a shared cart."""


class SharedCartOut(Model):
    """What somebody shared."""

    currency: Currency
    expires_at: datetime
    lines: list[SharedLineOut]


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
    digital: bool
    """Nothing of it is sent: an address is asked for only where taxes depend on it."""
    address: AddressOut | None
    delivery: DeliveryOut | None
    consignments: list[ConsignmentOut]
    """How it is split; nothing, when all of it goes one way."""
    tax_engine: TaxEngineOut
    """Who said what the taxes are."""
    vat_id: VatIdOut | None
    item_count: int
    note: str | None
    gift: GiftOut | None
    wrap_price: int | None
    """What wrapping costs, where the shop offers it."""
    requirements: list[Requirement]
    changes: list[Change]
    """What is not as the shopper last saw it."""
    changes_seen: str | None
    """A name for these very changes, to accept them by."""


class TakenOut(Model):
    """The cart that a shared one was taken into, and the variants that could not be had, or not all of them."""

    cart: CartOut
    short: list[Id]
