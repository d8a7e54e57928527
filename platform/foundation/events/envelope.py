"""The envelope of every event, and the register of what payloads may be."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from foundation import clock
from foundation.ids import new_id
from foundation.types import Id, Input, Instant

Consent = Literal["analytics", "personalisation", "marketing"]
"""A purpose that somebody must agree to. Behaviour is written down for the first two, and used for those agreed to."""

Count = Annotated[int, Field(ge=0, le=10_000_000)]


class Payload(Input):
    """What an event says; a subclass is a contract and is registered under its name and version."""

    name: ClassVar[str]
    version: ClassVar[int] = 1

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" in cls.__dict__:
            CONTRACTS[cls.name, cls.version] = cls


CONTRACTS: dict[tuple[str, int], type[Payload]] = {}


class Event(Input):
    """The envelope of every event."""

    event_id: Id
    """The event's own id, by which a second delivery is known."""
    tenant_id: Id
    name: str
    """What happened, such as `order.placed`; with `version` it names the payload's contract."""
    version: int
    """The contract's version; a new one is added beside the old, never in its place."""
    occurred_at: Instant
    """When it happened: by the browser's clock for behaviour, by ours for facts."""
    recorded_at: Instant
    """When we wrote it down."""
    aggregate_id: Id
    """What the event is about; events of one aggregate are delivered in order."""
    shopper_id: Id | None = None
    """The customer, when signed in."""
    visitor_id: Id | None = None
    """The browser, signed in or not."""
    session_id: Id | None = None
    """The session it happened in."""
    decision_id: Id | None = None
    """The decision that led to it, such as the row of recommendations it was clicked in."""
    consent: tuple[Consent, ...] = ()
    """What the shopper had agreed to at the time."""
    is_bot: bool = False
    """By a program that says so in its user agent: figures about people leave it out."""
    is_internal: bool = False
    """From a network that the shop has named as its own: figures about customers leave it out."""
    payload: dict[str, Any]
    """What its contract says."""


class Context(Input):
    """Who did it and within what: the part of the envelope that a request carries along."""

    shopper_id: Id | None = None
    visitor_id: Id | None = None
    session_id: Id | None = None
    consent: tuple[Consent, ...] = ()
    is_bot: bool = False
    is_internal: bool = False


def record(
    payload: Payload,
    *,
    tenant_id: UUID,
    aggregate_id: UUID,
    context: Context | None = None,
    decision_id: UUID | None = None,
    occurred_at: datetime | None = None,
) -> Event:
    """The envelope around `payload`, stamped now."""
    context = context or Context()
    now = clock.now()
    return Event(
        event_id=new_id(),
        tenant_id=tenant_id,
        name=payload.name,
        version=payload.version,
        occurred_at=occurred_at or now,
        recorded_at=now,
        aggregate_id=aggregate_id,
        shopper_id=context.shopper_id,
        visitor_id=context.visitor_id,
        session_id=context.session_id,
        decision_id=decision_id,
        consent=context.consent,
        is_bot=context.is_bot,
        is_internal=context.is_internal,
        payload=payload.model_dump(mode="json", exclude_none=True),
    )
