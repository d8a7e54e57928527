"""Batches of behaviour in, and what became of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from foundation.types import Id, Input, Instant, Model, Text

MOST_EVENTS = 500


class BehaviourIn(Input):
    """One thing a shopper did, as the browser saw it; who it was comes from the session."""

    event_id: Id
    name: Annotated[str, Field(max_length=100)]
    version: Annotated[int, Field(ge=1, le=1000)] = 1
    occurred_at: Instant
    decision_id: Id | None = None
    payload: dict[str, Any]


class Batch(Input):
    """Up to 500 events, of 256 KiB together, each judged on its own."""

    events: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MOST_EVENTS)]


class Rejected(Model):
    """An event that broke its contract, kept as a dead letter."""

    index: int
    reason: str


class DeadLettersQuery(Input):
    """Which dead letters, and where their list goes on."""

    name: Annotated[Text | None, Field(description="What the event says it is, such as `view_item`.")] = None
    reason: Annotated[Text | None, Field(description="A part of what is wrong with it.")] = None
    limit: Annotated[int, Field(strict=False, ge=1, le=100)] = 20
    cursor: Annotated[str | None, Field(max_length=200)] = None


class DeadLetterOut(Model):
    """An event that broke its contract, as it was sent."""

    id: UUID
    received_at: datetime
    source: str
    name: str | None
    reason: str
    body: dict[str, Any]


class DeadLetters(Model):
    """A page of them, the latest first."""

    items: list[DeadLetterOut]
    has_more: bool
    next_cursor: str | None


class Receipt(Model):
    """What was taken: everything that was accepted is on disk."""

    accepted: int
    counted: int
    """The shopper has agreed neither to statistics nor to a choice that suits them: it counts that these happened, in
    which hour, and nothing else of them is kept.
    """
    ignored: int
    """Somebody of the staff did it as a customer."""
    rejected: list[Rejected]
