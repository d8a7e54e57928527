"""Changes to placed orders, in and out."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from commerce.delivery.schemas import AddressIn, AddressOut, DeliveryOut
from commerce.orders.line_schemas import MAX_LINES
from commerce.payments.pages import PageUrl
from commerce.payments.schemas import PaymentIn
from commerce.taxes.schemas import TaxOut
from foundation.types import Id, Input, LongText, Model, Quantity, Slug

DeliveryNote = Annotated[LongText, Field(max_length=500)]


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


class PreviewLine(Model):
    """A line as a change leaves it; amounts in minor units."""

    id: Id
    variant_id: Id
    title: str
    quantity: int
    cancelled: int
    amount: int
    """What all of its units cost together, with what tax comes on top."""
    consignment_id: Id | None = None
    promised_on: date | None = None
    """When units that are put in are to be in, if they have to wait."""


class PreviewConsignment(Model):
    """Where a consignment goes as a change leaves it, and how; amounts in minor units."""

    id: Id | None
    address: AddressOut | None
    delivery: DeliveryOut | None
    shipping: int
    tax: int
    """On its goods, its delivery and the fees that go with it."""


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
    """Where all of it goes, or the first consignment."""
    delivery: DeliveryOut | None = None
    """How it gets there."""
    consignments: list[PreviewConsignment] = Field(default_factory=list)
    """How it is split; nothing, when all of it goes one way."""
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
    """Put in units of a variant, at today's price: there now, or promised for a day."""

    action: Literal["add"]
    variant_id: Id
    quantity: Quantity
    consignment_id: Id | None = None
    """With which they go, in an order that goes to several addresses."""


class SetQuantity(Input):
    """How many of a line are wanted. Fewer are credited by their share; more are added at today's price."""

    action: Literal["set_quantity"]
    line_id: Id
    quantity: Annotated[int, Field(ge=0, le=9_999)]


class SetAddress(Input):
    """Send it somewhere else. Where other taxes hold, they are charged; so is another delivery."""

    action: Literal["set_address"]
    address: AddressIn
    delivery: Slug | None = None
    """The way to deliver it, if it can't go there as it was to, or should go otherwise."""
    consignment_id: Id | None = None
    """Which is meant, of an order that goes to several addresses."""


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


class PayChangeIn(PaymentIn):
    """Pay what a change asks for."""

    return_url: PageUrl | None = None
    """Where a provider sends the shopper back to when they had something to do on a page of its own."""
