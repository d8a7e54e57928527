"""Addresses and delivery methods, in and out."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, StringConstraints

from commerce.taxes.schemas import Region
from foundation.types import Country, Day, Hour, Id, Input, MinorUnits, Model, Slug, Text


def _plain(value: time) -> time:
    if value.tzinfo or value.second or value.microsecond:
        raise ValueError("must be a time of day to the minute, without a zone")
    return value


def _known_zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError("must be a zone of the IANA database")
    return value


Kind = Literal["ship", "collect"]
Minute = Annotated[Hour, AfterValidator(_plain)]
"""A time of day on the shop's clocks, to the minute: `14:00`."""
Zone = Annotated[str, StringConstraints(max_length=100), AfterValidator(_known_zone)]
"""A zone of the IANA database: `Europe/Berlin`."""
Days = Annotated[int, Field(ge=0, le=365)]
PostalCode = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9 -]{1,11}$")]
Phone = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^\+?[0-9][0-9 ()-]{4,24}$")]


class AddressIn(Input):
    """Where to send it."""

    name: Text
    line1: Text
    line2: Text | None = None
    postal_code: PostalCode
    city: Text
    region: Region | None = None
    country: Country
    phone: Phone | None = None


class AddressOut(Model):
    """Where to send it."""

    name: str
    line1: str
    line2: str | None
    postal_code: str
    city: str
    region: str | None
    country: Country
    phone: str | None


class SlotChoice(Input):
    """A window, on a day."""

    slot_id: Id
    day: Day


class DeliveryChoice(Input):
    """The code of the way to deliver, and in which window, if it has any."""

    code: Slug
    slot: SlotChoice | None = None


class SlotOut(Model):
    """A window on a day: as the shop's clocks show it, and in UTC."""

    slot_id: Id
    day: date
    hours: str
    begins: datetime
    ends: datetime


class SlotOffer(SlotOut):
    """A window on a day that can be chosen now, and how much room is left in it."""

    left: int


class SlotOffers(Model):
    """The windows that can be chosen now, in order."""

    items: list[SlotOffer]


class PlaceIn(Input):
    """Where something is collected."""

    name: Text
    line1: Text
    postal_code: PostalCode | None = None
    city: Text
    opening_hours: list[Text] = Field(default_factory=list, max_length=14)


class PlaceOut(Model):
    """Where something is collected."""

    name: str
    line1: str
    postal_code: str | None
    city: str
    opening_hours: list[str]


class DeliveryOut(Model):
    """A way to deliver, what it costs this cart in minor units, and when it would arrive."""

    code: str
    name: str
    kind: Kind
    price: int
    earliest: date
    latest: date
    timed: bool = False
    """One of its windows has to be chosen."""
    slot: SlotOut | None = None
    """The window that was chosen."""
    place: PlaceOut | None = None
    """Where it is collected."""
    collection_code: str | None = None
    """What is asked for when it is collected; an order has one."""


class DeliveryOptions(Model):
    """The ways in which this cart can be delivered."""

    items: list[DeliveryOut]


class MethodIn(Input):
    """A way to deliver; amounts in minor units of the shop's currency."""

    name: Text
    kind: Kind = "ship"
    countries: list[Country] = Field(default_factory=list, max_length=250)
    """Where it goes; none means everywhere."""
    price: MinorUnits
    free_from: MinorUnits | None = None
    min_days: Days = 0
    max_days: Days = 0
    tax_class: Slug = "standard"
    position: Annotated[int, Field(ge=0, le=1_000)] = 0
    active: bool = True
    place: PlaceIn | None = None
    """Where it is collected."""


class MethodOut(Model):
    """A way to deliver; amounts in minor units of the shop's currency."""

    code: str
    name: str
    kind: Kind
    countries: list[str]
    price: int
    free_from: int | None
    min_days: int
    max_days: int
    tax_class: str
    position: int
    active: bool
    place: PlaceOut | None


class MethodList(Model):
    """A shop's ways to deliver."""

    items: list[MethodOut]


class SlotIn(Input):
    """Hours of a weekday in which a method delivers, and how many orders can be brought then."""

    weekday: Annotated[int, Field(ge=0, le=6)]
    """Monday is 0."""
    begins: Minute
    ends: Minute
    capacity: Annotated[int, Field(ge=0, le=100_000)]
    cutoff_minutes: Annotated[int, Field(ge=0, le=14 * 24 * 60)] = 0
    """How long before it begins it can be chosen last."""


class SlotsIn(Input):
    """All windows of a method."""

    slots: Annotated[list[SlotIn], Field(max_length=200)]


class SlotKept(Model):
    """A window of a method."""

    id: Id
    weekday: int
    begins: time
    ends: time
    capacity: int
    cutoff_minutes: int


class SlotList(Model):
    """A method's windows, in the order of the week."""

    items: list[SlotKept]


class CalendarIn(Input):
    """The shop's business days, on its own clocks."""

    zone: Zone
    working_days: Annotated[list[Annotated[int, Field(ge=0, le=6)]], Field(min_length=1, max_length=7)]
    """Monday is 0."""
    cutoff: Minute | None = None
    """What is ordered later is sent on the next business day."""
    holidays: list[Day] = Field(default_factory=list, max_length=400)


class CalendarOut(Model):
    """The shop's business days, on its own clocks."""

    zone: str
    working_days: list[int]
    cutoff: time | None
    holidays: list[date]
