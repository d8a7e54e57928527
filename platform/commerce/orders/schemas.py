"""Orders in and out."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from commerce.cart.schemas import CartOut, FeeOut, GiftOut, LineExplanation, ShareOut
from commerce.delivery.schemas import AddressIn, AddressOut, DeliveryOut
from commerce.orders.states import FulfilmentState, PaymentState, ReturnState, Status
from commerce.payments.schemas import RefundOut
from commerce.taxes.schemas import TaxEngineOut, TaxOut
from commerce.vendors.schemas import VendorOrderOut
from foundation.types import Currency, Email, Id, Input, Instant, LongText, MinorUnits, Model, MoneyOut, Quantity, Text

MAX_LINES = 200
MAX_PARCELS = 500

DeliveryNote = Annotated[LongText, Field(max_length=500)]
RefundTo = Literal["original", "store_credit"]
"""Where money goes back to: where it came from, or the customer's store credit."""
Condition = Literal["as_new", "opened", "used", "damaged", "defective", "incomplete"]
ParcelStep = Literal["in_transit", "out_for_delivery", "failed_attempt", "returned_to_sender", "delivered"]
ShortText = Annotated[LongText, Field(max_length=500)]
ReturnReason = Literal["damaged", "defective", "wrong_item", "not_as_described", "no_longer_wanted", "other"]


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
    """Units that a return could be asked for."""
    promised_on: date | None
    """When it was to be in; `null` when it was there."""


class UnitsOut(Model):
    """Some units of a line."""

    line_id: Id
    quantity: int


class ParcelEventOut(Model):
    """What a carrier said of a parcel."""

    status: str
    occurred_at: datetime
    place: str
    note: str


class ParcelOut(Model):
    """A parcel of an order, and how far it has come."""

    id: Id
    consignment_id: Id | None
    status: str
    carrier: str | None
    tracking_number: str | None
    shipped_at: datetime
    delivered_at: datetime | None
    lines: list[UnitsOut]
    history: list[ParcelEventOut]
    """What its carrier said of it, the oldest first."""


class ReturnLineOut(UnitsOut):
    """Units of a line that come back."""

    reason: str
    received: int
    restocked: int


class InspectedOut(UnitsOut):
    """How some units were found, and whether they can be sold again."""

    condition: Condition
    restocked: bool
    note: str


class ReturnOut(Model):
    """Units that come back, or have."""

    id: Id
    status: str
    note: str
    created_at: datetime
    lines: list[ReturnLineOut]
    photos: list[Id]
    inspected: list[InspectedOut]


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


class ChangeSummary(Model):
    """A change to an order, and how far it has come."""

    id: Id
    kind: str
    status: str
    asked: int
    """Minor units to be paid before it is applied."""
    return_id: Id | None
    """What comes back for what an exchange adds."""
    created_at: datetime
    expires_at: datetime


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


class LineUnitsIn(Input):
    """Some units of a line."""

    line_id: Id
    quantity: Quantity


Lines = Annotated[list[LineUnitsIn], Field(min_length=1, max_length=MAX_LINES)]


class ShopperCancelIn(Input):
    """Cancel all of an order that has not left."""

    reason: Text = "changed my mind"


class CancelIn(Input):
    """Cancel units that have not left: those named, or all."""

    reason: Text
    lines: Lines | None = None


class FulfilIn(Input):
    """A parcel with the units named, or with all that has not left, of the order or of one of its consignments."""

    lines: Lines | None = None
    consignment_id: Id | None = None
    warehouse: Text | None = None
    """The code of the warehouse that sends it."""
    carrier: Text | None = None
    tracking_number: Text | None = None


class ProgressIn(Input):
    """How far a parcel has come."""

    status: ParcelStep


class OrderParcelIn(Input):
    """A parcel with all of an order that has not left."""

    order_id: Id
    carrier: Text | None = None
    tracking_number: Text | None = None


class ParcelsIn(Input):
    """Many orders' parcels at once."""

    parcels: Annotated[list[OrderParcelIn], Field(min_length=1, max_length=MAX_PARCELS)]


class ParcelResult(Model):
    """What came of one order's parcel: its id, or the code of the problem."""

    order_id: Id
    fulfilment_id: Id | None
    problem: str | None


class ParcelResults(Model):
    """What came of each, in the order they were asked."""

    items: list[ParcelResult]


class ReturnLineIn(LineUnitsIn):
    """Units of a line that are to come back, and why."""

    reason: ReturnReason


class WantedIn(Input):
    """Units of a variant that are wanted for what comes back, at today's price."""

    variant_id: Id
    quantity: Quantity


class ReturnIn(Input):
    """What is to come back, and what is wanted for it."""

    lines: Annotated[list[ReturnLineIn], Field(min_length=1, max_length=MAX_LINES)]
    wanted: Annotated[list[WantedIn], Field(max_length=MAX_LINES, default_factory=list)]
    """Units that its worth is to pay for; without any, the worth goes back."""
    note: LongText = ""

    def by_variant(self) -> dict[UUID, int]:
        """What is wanted; what is named twice is wanted together."""
        units = Counter[UUID]()
        for line in self.wanted:
            units[line.variant_id] += line.quantity
        return dict(units)


class DecisionIn(Input):
    """What to tell about a decision."""

    note: LongText = ""


class StaffReturnIn(ReturnIn):
    """What is to come back, and why although it is too late."""

    override: ShortText = ""
    """The reason to take units back whose time is over."""


class ApprovalIn(DecisionIn):
    """What to tell about an approval, and when to send what is wanted for the return."""

    send_now: bool = False
    """Before the return is here; only what costs no more than it is worth."""


class ArrivedIn(LineUnitsIn):
    """Units of a line that arrived."""

    restock: bool = True
    """They can be sold again; otherwise they are written off."""
    condition: Condition = "as_new"
    note: ShortText = ""


class ReceiveIn(Input):
    """What arrived of a return: the units named, or all that was announced."""

    warehouse: Text
    """The code of the warehouse it arrived at."""
    lines: Annotated[list[ArrivedIn], Field(max_length=MAX_LINES)] | None = None
    refund_to: RefundTo = "original"


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
    """Something for other staff to know."""

    note: Annotated[LongText, Field(min_length=1)]


class PreviewLine(Model):
    """A line as a change leaves it; amounts in minor units."""

    id: Id
    variant_id: Id
    title: str
    quantity: int
    cancelled: int
    amount: int
    """What all of its units cost together, with what tax comes on top."""


class Preview(Model):
    """What a change makes of an order; amounts in minor units."""

    lines: list[PreviewLine]
    subtotal: int
    discount: int
    shipping: int
    tax: int
    taxes: list[TaxOut]
    total: int
    credited: int
    difference: int
    """What is owed more than before; less than zero is given back."""
    address: AddressOut | None
    delivery_note: str


class ChangeOut(Model):
    """A change to an order. Confirming it does what the preview says, or nothing."""

    id: Id
    order_id: Id
    kind: str
    status: str
    version: int
    """The version of the order that it was made of; confirming takes it."""
    asked: int
    """Minor units to be paid before it is applied."""
    return_id: Id | None
    note: str
    expires_at: datetime
    preview: Preview


class AddUnits(Input):
    """Put in units of a variant, at today's price."""

    action: Literal["add"]
    variant_id: Id
    quantity: Quantity


class SetQuantity(Input):
    """How many of a line are wanted. Fewer are credited by their share; more are added at today's price."""

    action: Literal["set_quantity"]
    line_id: Id
    quantity: Annotated[int, Field(ge=0, le=9_999)]


class SetAddress(Input):
    """Send it somewhere else."""

    action: Literal["set_address"]
    address: AddressIn


class SetDeliveryNote(Input):
    """Tell whoever delivers something."""

    action: Literal["set_delivery_note"]
    note: DeliveryNote


EditAction = Annotated[AddUnits | SetQuantity | SetAddress | SetDeliveryNote, Field(discriminator="action")]
ShopperEditAction = Annotated[SetQuantity | SetAddress | SetDeliveryNote, Field(discriminator="action")]


class EditIn(Input):
    """What to change about an order of which something has not left."""

    actions: Annotated[list[EditAction], Field(min_length=1, max_length=MAX_LINES)]
    note: LongText = ""
    """For other staff."""


class ShopperEditIn(Input):
    """What to change about an order of which nothing has left."""

    actions: Annotated[list[ShopperEditAction], Field(min_length=1, max_length=MAX_LINES)]


class ConfirmIn(Input):
    """Do what the preview says."""

    version: Annotated[int, Field(ge=1, le=2**31)]
    """The version that the preview was made of."""


class PayChangeIn(Input):
    """Pay what a change asks for: the provider, and the token it gave the browser."""

    provider: Text = "test"
    token: Text


class TrackingIn(Input):
    """Who carries a parcel, and under which number."""

    carrier: Text | None = None
    tracking_number: Text | None = None


class CarrierReport(Input):
    """What a carrier says of a parcel."""

    tracking_number: Text
    status: ParcelStep
    occurred_at: Instant
    place: ShortText = ""
    note: ShortText = ""


class Received(Model):
    """An event is kept."""

    known: bool
    """It had been before."""


class CarrierAccount(Model):
    """What a carrier signs its events with."""

    carrier: str
    secret: str


class CarriersOut(Model):
    """The carriers whose events are taken."""

    items: list[str]


class CarrierEventOut(ParcelEventOut):
    """What a carrier said of a tracking number."""

    id: Id
    carrier: str
    event_id: str
    tracking_number: str
    received_at: datetime


class CarrierEvents(Model):
    """Some of what carriers said."""

    items: list[CarrierEventOut]


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
