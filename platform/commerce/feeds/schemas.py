"""Product feeds in and out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from commerce.channels.service import WEB
from commerce.configuration.schemas import Locale
from commerce.exchange.schemas import LeftOutOut
from foundation.types import Id, Input, Instant, Model, Slug, Text

Hours = Annotated[int, Field(ge=1, le=168)]
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]


class FeedIn(Input):
    """A feed that is to be kept ready: the shop's published products in the form of Google's Merchant Center."""

    name: Text
    """What your people call it."""
    language: Locale | None = None
    """Of its texts, one of the shop's; its own, without."""
    channel: Slug = WEB
    """The sales channel whose prices it has."""
    every_hours: Hours = 24
    """After how long it is built again."""


class FeedChange(FeedIn):
    """What a feed is to be; its address stays."""

    version: Version


class BuildOut(Model):
    """One making of a feed's file, and how far it is."""

    id: Id
    status: Literal["waiting", "running", "ready", "failed"]
    requested_by: str | None
    """Who asked for it; nobody where its time had come."""
    requested_at: Instant
    products: int
    """How many were looked at."""
    total: int
    """Of how many there were when it was begun."""
    items: int
    """Variants that are in it."""
    left_out: list[LeftOutOut]
    """Variants that are not."""
    size: int | None
    """In bytes, as it is when it is not packed."""
    changed_at: Instant | None
    """Since when the feed is what it is."""
    finished_at: Instant | None


class FeedOut(Model):
    """A feed."""

    id: Id
    name: str
    language: str | None
    channel: str
    every_hours: int
    token_shown: str
    """How its token begins: the whole is known to whoever was given the address."""
    created_at: Instant
    rotated_at: Instant
    """Since when it has this address."""
    version: int
    served: BuildOut | None
    """What is fetched now; nothing until it is built for the first time."""
    latest: BuildOut | None
    """What was asked for last, which may be the same."""


class FeedMade(FeedOut):
    """A feed with its address, which is told this once."""

    address: str


class FeedList(Model):
    """The shop's feeds, the latest first."""

    items: list[FeedOut]
    has_more: bool
    next_cursor: str | None
