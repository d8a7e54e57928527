"""Addresses and delivery methods, in and out."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from commerce.taxes.schemas import Region
from foundation.types import Country, Input, MinorUnits, Model, Slug, Text

Kind = Literal["ship", "collect"]
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


class DeliveryChoice(Input):
    """The code of the way to deliver."""

    code: Slug


class DeliveryOut(Model):
    """A way to deliver, what it costs this cart in minor units, and when it would arrive."""

    code: str
    name: str
    kind: Kind
    price: int
    earliest: date
    latest: date


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


class MethodList(Model):
    """A shop's ways to deliver."""

    items: list[MethodOut]
