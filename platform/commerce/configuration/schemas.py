"""The schema of a shop's configuration: every setting that staff may change, and nothing else.

A context that reads a new key of `Shop.settings` gives it a field here. What the platform itself remembers under other
keys (how a demo was loaded, that its customers sign in by reference) is neither shown nor touched.
"""

from __future__ import annotations

import re
from datetime import datetime
from ipaddress import ip_network
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from commerce.notifications.letters import faults
from commerce.pricing.limits import Limits
from foundation.types import Input, LongText, Model, Note, Text

MOST_ORIGINS = 50
MOST_NETWORKS = 50
MOST_LOCALES = 20
_PLACE = re.compile(r"^[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::[0-9]{1,5})?$")


def _zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError("must be a time zone of the IANA database, such as Europe/Berlin")
    return value


def _origin(value: str) -> str:
    scheme, found, place = value.partition("://")
    if not found or scheme not in {"https", "http"} or not _PLACE.match(place):
        raise ValueError("must be an origin: a scheme, a host in lower case and perhaps a port, nothing after")
    return value


def _network(value: str) -> str:
    try:
        return str(ip_network(value))
    except ValueError as fault:
        raise ValueError("must be an address or a network, such as 203.0.113.7 or 2001:db8::/48") from fault


def _picture(value: str) -> str:
    if not re.match(r"^(?:https://[^\s\"'<>\\]+|/shop/logo/[0-9a-f]{32}\.png)$", value):
        raise ValueError("must be an https address, or a logo that was uploaded")
    return value


Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$", to_lower=True)]
Locale = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(?:-[A-Z]{2})?$")]
"""A language and perhaps a country (BCP 47): `en-US`."""
Zone = Annotated[Text, AfterValidator(_zone)]
Origin = Annotated[Text, AfterValidator(_origin)]
Network = Annotated[Text, AfterValidator(_network)]
Template = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,60}$")]
Picture = Annotated[str, StringConstraints(max_length=500), AfterValidator(_picture)]


class Theme(Input):
    """What the shop looks like."""

    accent: Colour | None = None
    """`#rrggbb`; made readable wherever it is used. Without one the shop is green."""
    logo: Picture | None = None
    """Its address. Mail programs load one that begins with https:// only."""


class Front(Input):
    """The words at the top of the home page."""

    headline: Text | None = None
    text: Note | None = None


class Words(Input):
    """The shop's own words for a message; what is left out is the platform's."""

    subject: Text | None = None
    body: LongText | None = None
    action: Text | None = None


class Acting(Input):
    """Staff who are in the shop as a customer."""

    tell_customer: bool = True
    """The customer gets a letter each time."""


class Reviews(Input):
    """What customers say of products."""

    publish_at_once: bool = False
    """What nothing speaks against is shown without waiting for staff."""
    unverified: bool = False
    """Customers who have not bought a product here review it, too; that is marked."""


class Configuration(Input):
    """A shop's configuration."""

    name: Text
    locale: Locale = "en-US"
    locales: Annotated[list[Locale], Field(max_length=MOST_LOCALES)] = Field(default_factory=list)
    """The other languages that its catalogue is read in."""
    zone: Zone = "UTC"
    """Where its days begin and end."""
    theme: Theme = Theme()
    storefront: Front = Front()
    mail_templates: Annotated[dict[Template, Words], Field(max_length=100)] = Field(default_factory=dict)
    """By the message's name. `{{ name }}` stands for a value of the message; nothing in them is run."""
    cors_origins: Annotated[list[Origin], Field(max_length=MOST_ORIGINS)] = Field(default_factory=list)
    """Pages of other origins that may ask the shop's API."""
    internal_networks: Annotated[list[Network], Field(max_length=MOST_NETWORKS)] = Field(default_factory=list)
    """Where the shop works itself, such as `203.0.113.0/24`: what is looked at and ordered from there is marked as
    internal in events.
    """
    acting: Acting = Acting()
    reviews: Reviews = Reviews()
    bulk_pricing: Limits = Limits()
    """What no bulk price change may do."""

    @model_validator(mode="after")
    def _locales_are_others(self) -> Configuration:
        if len({self.locale, *self.locales}) <= len(self.locales):
            raise ValueError("locales: each is there once, and the shop's own is not among them")
        return self

    @model_validator(mode="after")
    def _messages_are_good(self) -> Configuration:
        found = [
            f"{template}: {fault}"
            for template, words in self.mail_templates.items()
            for fault in faults(template, words.model_dump(exclude_none=True))
        ]
        if found:
            raise ValueError("; ".join(found))
        return self


KEYS = tuple(sorted(Configuration.model_fields.keys() - {"name", "locale"}))
"""The keys of `Shop.settings` that the configuration holds; name and locale have columns of their own."""


class ConfigurationIn(Input):
    """A configuration in place of the present one."""

    version: Annotated[int, Field(ge=1, le=2**62)]
    """The version that was read: somebody else's change is not written over."""
    configuration: Configuration
    note: Annotated[Note, StringConstraints(max_length=500)] | None = None
    """Why."""


class RevertIn(Input):
    """Back to how it was."""

    version: Annotated[int, Field(ge=1, le=2**62)]
    """The version that was read."""
    to: Annotated[int, Field(ge=1, le=2**62)]
    """The version to go back to."""


class ConfigurationOut(Model):
    """The present configuration."""

    version: int
    configuration: dict[str, Any]


class Difference(Model):
    """A setting that changed."""

    path: str
    """`theme.accent`."""
    before: Any = None
    after: Any = None


class ChangeOut(Model):
    """Who changed what."""

    version: int
    changed_by: str
    changed_at: datetime
    note: str
    changes: list[Difference]


class History(Model):
    """The changes, the latest first."""

    items: list[ChangeOut]
    has_more: bool
