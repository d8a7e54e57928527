"""Webhooks as staff see them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from foundation.addresses import MAX_URL
from foundation.events import CONTRACTS
from foundation.types import Email, Input, Instant, MaybeText, Model, Text

Status = Literal["active", "paused", "disabled"]
DeliveryStatus = Literal["pending", "delivered", "failed"]
EVERYTHING = "*"
TEST = "webhook.test"


def names() -> list[str]:
    """The events that can be told: what happened in the shop, not what its visitors look at."""
    return sorted({name for name, _ in CONTRACTS if "." in name})


def _known(pattern: str) -> str:
    known = names()
    kinds = {f"{name.partition('.')[0]}.*" for name in known}
    if pattern != EVERYTHING and pattern not in known and pattern not in kinds:
        raise ValueError("is no event of the shop: see /v1/admin/webhooks/events")
    return pattern


Pattern = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_known)]
"""An event's name, `order.*` for all of a kind, or `*`."""
Patterns = Annotated[list[Pattern], Field(min_length=1, max_length=50)]
Url = Annotated[str, StringConstraints(min_length=1, max_length=MAX_URL)]


class SubscriptionIn(Input):
    """An endpoint, what it is told of, and who hears of it when it fails for days."""

    url: Url
    events: Patterns
    contact: Email
    description: Text | None = None


class SubscriptionChange(Input):
    """What of a subscription is to be otherwise."""

    url: Url | None = None
    events: Patterns | None = None
    contact: Email | None = None
    description: MaybeText | None = None
    status: Literal["active", "paused"] | None = None


class Subscription(Model):
    """A subscription. Its secret is not here: it was shown when it was made."""

    id: UUID
    url: str
    description: str
    events: list[str]
    contact: str | None
    status: Status
    disabled_reason: str | None
    """`failing` or `gone`."""
    failures: int
    """In a row."""
    failing_since: datetime | None
    next_attempt_at: datetime | None
    """When the next try is due, while it fails."""
    pending: int
    """Deliveries that wait, counted up to 1,000."""
    created_at: datetime


class SubscriptionList(Model):
    """A tenant's subscriptions."""

    items: list[Subscription]


class Secret(Model):
    """A secret, shown this once."""

    secret: str
    previous_until: datetime | None
    """Until when the secret that it replaces signs beside it."""


class SubscriptionMade(Subscription):
    """A new subscription with its secret, which is shown this once."""

    secret: str


class Attempt(Model):
    """One try."""

    attempted_at: datetime
    status: int | None
    error: str | None
    milliseconds: int
    response: str


class Delivery(Model):
    """An event on its way to a subscription."""

    id: UUID
    event_id: UUID
    event: str
    occurred_at: datetime
    status: DeliveryStatus
    attempts: int
    created_at: datetime
    ended_at: datetime | None
    last: Attempt | None


class DeliveryList(Model):
    """Deliveries, the newest first."""

    items: list[Delivery]
    has_more: bool
    next_cursor: str | None


class DeliveriesQuery(Input):
    """Which deliveries."""

    status: DeliveryStatus | None = None
    cursor: Annotated[str, StringConstraints(max_length=200)] | None = None
    limit: Annotated[int, Field(ge=1, le=100, strict=False)] = 20


class DeliveryDetail(Delivery):
    """A delivery with what is sent, and each try."""

    body: str
    tries: list[Attempt]


class ReplayIn(Input):
    """Which events to tell again: those recorded in a range of time."""

    since: Instant
    until: Instant
    only_failed: bool = False
    """Only what was given up; else also what was delivered, and what came before the subscription."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.since >= self.until:
            raise ValueError("`since` must be before `until`")
        return self


class Replayed(Model):
    """How many deliveries wait again."""

    deliveries: int


class EventNames(Model):
    """What can be subscribed to."""

    items: list[str]
