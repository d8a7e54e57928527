"""Addresses and preferences, in and out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from commerce.delivery.schemas import AddressIn, AddressOut
from commerce.notifications.letters import Topic
from commerce.notifications.service import Channel
from foundation.types import Id, Input, Model


class KeptAddressIn(Input):
    """An address to keep, and whether it is offered first."""

    address: AddressIn
    default_shipping: bool = False
    default_billing: bool = False


class KeptAddressOut(Model):
    """An address a customer has kept."""

    id: Id
    address: AddressOut
    default_shipping: bool
    default_billing: bool
    created_at: datetime
    updated_at: datetime


class KeptAddresses(Model):
    """A customer's addresses: the one that is offered first for delivery, then the newest."""

    items: list[KeptAddressOut]


class PreferenceIn(Input):
    """Whether to be told of something in one way."""

    topic: Topic
    channel: Channel
    wanted: bool


class PreferencesIn(Input):
    """What changes; the rest stays."""

    items: Annotated[list[PreferenceIn], Field(min_length=1, max_length=50)]


class PreferenceOut(Model):
    """Whether a customer is told of something in one way."""

    topic: Topic
    channel: Channel
    wanted: bool
    fixed: bool
    """It is part of what was bought, and can't be switched off."""
    withheld: bool
    """It is advertising, and the customer has not agreed to `marketing`: nothing of it is sent, wanted or not."""


class Preferences(Model):
    """What a customer is told, and how."""

    items: list[PreferenceOut]
