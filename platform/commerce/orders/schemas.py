"""Orders in and out."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from commerce.cart.schemas import CartOut, FeeOut, GiftOut, LineExplanation, ShareOut
from commerce.delivery.schemas import AddressOut, DeliveryOut
from commerce.orders.change_schemas import ChangeSummary
from commerce.orders.claim_schemas import ClaimOut
from commerce.orders.line_schemas import Lines, RefundTo
from commerce.orders.parcel_schemas import MAX_PARCELS, ParcelOut
from commerce.orders.return_schemas import ReturnOut
from commerce.orders.states import FulfilmentState, PaymentState, ReturnState, Status
from commerce.payments.schemas import RefundOut
from commerce.taxes.schemas import TaxEngineOut, TaxOut
from commerce.vendors.schemas import VendorOrderOut
from foundation.types import Currency, Email, Id, Input, Instant, LongText, MinorUnits, Model, MoneyOut, Text


class OrderLineOut(Model):
    """A line of an order; amounts in minor units."""

    id: Id
    consignment_id: Id | None
    product_id: Id
    variant_id: Id
    sku: str
    title: str
    quantity: int
    unit_price: int
    discount: int
    total: int
    tax: int
    """Part of the total when the order's prices include tax, on top of it otherwise."""
    explanation: LineExplanation
    gift: GiftOut | None
    fulfilled: int
    """Units that left in a parcel."""
    cancelled: int
    returned: int
    returnable: int
    """Units that a return could be asked for, or a claim raised."""
    claimed: int
    """Units that came damaged, wrong or not at all."""
    promised_on: date | None
    """When it was to be in; `null` when it was there."""
    digital: bool
    """It is downloaded."""


class OrderConsignmentOut(Model):
    """Some of an order's units that go to one address; amounts in minor units."""

    id: Id
    number: int
    address: AddressOut | None
    delivery: DeliveryOut | None
    shipping: int
    shipping_tax: int
    tax: int
    """On its goods and its delivery."""
    taxes: list[TaxOut]


class NoteOut(Model):
    """What staff tell the shopper about an order."""

    note: str
    at: datetime


class SoldCardOut(Model):
    """A gift card that a unit of a line became when it was sent."""

    id: Id
    line_id: Id
    amount: int
    """Minor units that it was sold for."""
    available: int
    """Minor units that it is good for now."""
    ending: str | None
    """The end of its code; `null` before its buyer has seen it."""


class CodeOut(Model):
    """The code of a gift card, when this is the one answer that has it."""

    code: str | None


class OrderOut(Model):
    """An order; amounts in minor units."""

    id: Id
    number: str
    status: Status
    payment_state: PaymentState
    fulfilment_state: FulfilmentState
    return_state: ReturnState
    currency: Currency
    placed_at: datetime
    subtotal: int
    discount: int
    shipping: int
    tax: int
    tax_included: bool
    taxes: list[TaxOut]
    discounts: list[ShareOut]
    rounding: str
    """How the tax was rounded: `half_even_per_line`."""
    tax_engine: TaxEngineOut
    """Who said what the taxes are."""
    vat_id: str | None
    """Of the business that bought."""
    channel: str
    """The code of the sales channel on which it was placed."""
    customer_note: str | None
    fees: list[FeeOut]
    """They are part of the total."""
    gift: GiftOut | None
    address: AddressOut | None
    delivery: DeliveryOut | None
    total: MoneyOut
    refunded: MoneyOut
    """What went back to where it was paid from."""
    consignments: list[OrderConsignmentOut]
    """How it is split; nothing, when all of it goes one way."""
    lines: list[OrderLineOut]
    parcels: list[ParcelOut]
    returns: list[ReturnOut]
    claims: list[ClaimOut]
    gift_cards: list[SoldCardOut]
    """The cards that it bought and that were sent."""
    notes: list[NoteOut]
    """What the shop says about it."""
    changes: list[ChangeSummary]
    """Edits that were confirmed or wait to be paid, and exchanges."""
    version: int
    """Goes up with every change to what is to be delivered, and to whom."""
    delivery_note: str
    """What whoever delivers should know."""
    possible: list[str]
    """What whoever asks could do now."""


class EntryOut(Model):
    """Something that happened to an order."""

    id: Id
    kind: str
    actor: str
    note: str
    visible: bool
    """The shopper sees the note."""
    data: dict[str, Any]
    at: datetime


class SourceOut(Model):
    """Units of a SKU that lie in a warehouse for the order, or left it in a parcel; of which lot, if it has one."""

    warehouse: str
    sku: str
    lot: str | None
    quantity: int
    fulfilment_id: Id | None
    """The parcel; `null` when they have not left."""


class StaffOrderOut(OrderOut):
    """An order as those see it who look after it."""

    email: str | None
    customer_id: Id | None
    credited: int
    """What the shopper does not owe any more."""
    shipping_credited: int
    """What of the delivery was credited by itself, with its tax."""
    refunds: list[RefundOut]
    vendor_orders: list[VendorOrderOut]
    """What of it vendors send, and what they earn."""
    sources: list[SourceOut]
    """Where its units lie, and from where each parcel's came."""
    timeline: list[EntryOut]


class OrderSummary(Model):
    """An order in a list."""

    id: Id
    number: str
    status: Status
    placed_at: datetime
    total: MoneyOut


class OrderList(Model):
    """A page of orders, newest first."""

    items: list[OrderSummary]
    has_more: bool
    next_cursor: str | None


class StaffOrderSummary(OrderSummary):
    """An order in the back office's list."""

    payment_state: PaymentState
    fulfilment_state: FulfilmentState
    return_state: ReturnState
    email: str | None
    units: int
    credited: int


class StaffOrderList(Model):
    """A page of orders, newest first."""

    items: list[StaffOrderSummary]
    has_more: bool
    next_cursor: str | None


class Filters(Input):
    """Which orders: those that fit everything that is said."""

    status: Status | None = None
    payment_state: PaymentState | None = None
    fulfilment_state: FulfilmentState | None = None
    return_state: ReturnState | None = None
    q: Text | None = None
    """An order's number, an e-mail address, an SKU or a tracking number."""
    placed_from: Instant | None = None
    placed_to: Instant | None = None
    """Not included."""


class FilteredPage(Filters):
    """A page of the orders that fit."""

    cursor: Annotated[str, Field(max_length=200)] | None = None
    limit: Annotated[int, Field(strict=False, ge=1, le=100)] = 50


class Look(Input):
    """What a guest knows of an order."""

    number: Text
    email: Email


class ShopperCancelIn(Input):
    """Cancel all of an order that has not left."""

    reason: Text = "changed my mind"


class CancelIn(Input):
    """Cancel units that have not left: those named, or all."""

    reason: Text
    lines: Lines | None = None


class AmountRefundIn(Input):
    """An amount to give back."""

    amount: Annotated[MinorUnits, Field(ge=1)]
    """Minor units."""
    reason: Text
    to: RefundTo = "original"


class ShippingRefundIn(Input):
    """The delivery of an order, or of one of its consignments, to give back with its tax."""

    shipping: Literal["all"] | Annotated[MinorUnits, Field(ge=1)]
    """All that was charged for it and not given back yet, or an amount in minor units."""
    consignment_id: Id | None = None
    reason: Text
    to: RefundTo = "original"


class UnitsRefundIn(Input):
    """Units whose share of the money is to be given back."""

    lines: Lines
    reason: Text
    to: RefundTo = "original"


class RetryIn(Input):
    """Try again to give back what could not be given back."""

    to: RefundTo = "original"


class NoteIn(Input):
    """Something for other staff to know, or for the shopper as well."""

    note: Annotated[LongText, Field(min_length=1)]
    visible: bool = False
    """The shopper sees it."""


class RulesIn(Input):
    """A shop's rules for its orders."""

    return_days: Annotated[int, Field(ge=0, le=3_650)] | None = None
    """Days of 24 hours after delivery in which units can be sent back; without a number, for ever."""
    cancel_minutes: Annotated[int, Field(ge=0, le=525_600)] | None = None
    """Minutes after the order in which its shopper can cancel; without a number, until something leaves."""


class RulesOut(Model):
    """A shop's rules for its orders."""

    return_days: int | None
    cancel_minutes: int | None


class LeftOut(Model):
    """Units of an order that did not go into the cart, and the code of why."""

    variant_id: Id
    title: str
    quantity: int
    code: str


class ReorderOut(Model):
    """The cart with what can still be had, and the rest."""

    cart: CartOut
    left_out: list[LeftOut]


class CancellationsIn(Input):
    """Many orders to give up, as far as they have not left."""

    order_ids: Annotated[list[Id], Field(min_length=1, max_length=MAX_PARCELS)]
    reason: Text


class CancelResult(Model):
    """What came of one order: nothing stood in the way, or the code of the problem."""

    order_id: Id
    problem: str | None


class CancelResults(Model):
    """What came of each, in the order they were asked."""

    items: list[CancelResult]
