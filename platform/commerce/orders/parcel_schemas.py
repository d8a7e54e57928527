"""Parcels and carriers, in and out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from commerce.orders.line_schemas import Lines, ShortText, UnitsOut
from foundation.types import Id, Input, Instant, Model, Text

MAX_PARCELS = 500
ParcelStep = Literal["in_transit", "out_for_delivery", "failed_attempt", "returned_to_sender", "delivered"]


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
    warehouse: str | None
    """The code of the warehouse that it left; `null` where the parts of a bundle left several."""
    status: str
    carrier: str | None
    tracking_number: str | None
    shipped_at: datetime
    delivered_at: datetime | None
    lines: list[UnitsOut]
    history: list[ParcelEventOut]
    """What its carrier said of it, the oldest first."""


class FulfilIn(Input):
    """The units named, or all that has not left, of the order or of one of its consignments.

    They leave in one parcel from each warehouse that they lie in, or in one from the warehouse named.
    """

    lines: Lines | None = None
    consignment_id: Id | None = None
    warehouse: Text | None = None
    """The code of the warehouse that sends it."""
    carrier: Text | None = None
    tracking_number: Text | None = None
    """Of one parcel: where several leave, each gets its own afterwards."""


class ProgressIn(Input):
    """How far a parcel has come."""

    status: ParcelStep


class OrderParcelIn(Input):
    """All of an order that has not left, in one parcel from each warehouse that it lies in."""

    order_id: Id
    carrier: Text | None = None
    tracking_number: Text | None = None


class ParcelsIn(Input):
    """Many orders' parcels at once."""

    parcels: Annotated[list[OrderParcelIn], Field(min_length=1, max_length=MAX_PARCELS)]


class ParcelResult(Model):
    """What came of one order: the ids of its parcels, or the code of the problem."""

    order_id: Id
    fulfilment_ids: list[Id]
    problem: str | None


class ParcelResults(Model):
    """What came of each, in the order they were asked."""

    items: list[ParcelResult]


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
