"""Behaviour as it lies in the spool: what a request brought is one frame, its rows as the event store reads them.

The first line of a frame says whose rows they are, so that nobody has to look into them who only carries them on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from foundation.events.behaviour import counted_id, may_be_recorded
from foundation.events.envelope import Context


@dataclass(frozen=True, slots=True)
class Frame:
    """The events of one request, which are one shopper's."""

    tenant_id: UUID
    shopper_id: UUID | None
    visitor_id: UUID | None
    aggregate_id: UUID | None
    is_personal: bool
    """Whether what follows is to suit them."""
    latest: datetime
    """When the last of them happened."""
    rows: bytes
    """A JSON object a line, by the columns of the event store."""

    @property
    def people(self) -> Sequence[UUID]:
        """Whom the rows speak of."""
        return [one for one in (self.shopper_id, self.visitor_id, self.aggregate_id) if one is not None]

    @classmethod
    def read(cls, body: bytes) -> Frame:
        """A frame's content, from its body."""
        head, _, rows = body.partition(b"\n")
        told = orjson.loads(head)
        return cls(
            tenant_id=UUID(told["tenant_id"]),
            shopper_id=_maybe(told["shopper_id"]),
            visitor_id=_maybe(told["visitor_id"]),
            aggregate_id=_maybe(told["aggregate_id"]),
            is_personal=told["is_personal"],
            latest=datetime.fromisoformat(told["latest"]),
            rows=rows,
        )


def framed(tenant_id: UUID, who: Context, events: Sequence[Mapping[str, Any]], now: datetime) -> bytes:
    """The frame of some events, as `commerce.behaviour.reading` gives them.

    Of somebody who has not agreed to it each only counts, as `foundation.events.counted` has it.
    """
    if may_be_recorded(who):
        head = _head(tenant_id, who, latest=max(event["occurred_at"] for event in events))
        return b"\n".join([head, *_recorded(tenant_id, who, events, now)])
    head = _head(tenant_id, Context(), latest=now)
    return b"\n".join([head, *_counted(tenant_id, who, events)])


def _head(tenant_id: UUID, who: Context, *, latest: datetime) -> bytes:
    return orjson.dumps(
        {
            "tenant_id": tenant_id,
            "shopper_id": who.shopper_id,
            "visitor_id": who.visitor_id,
            "aggregate_id": who.session_id,
            "is_personal": "personalisation" in who.consent,
            "latest": latest,
        },
        default=str,  # asyncpg's UUIDs are of a class of their own
    )


def _recorded(tenant_id: UUID, who: Context, events: Sequence[Mapping[str, Any]], now: datetime) -> list[bytes]:
    named = {"shopper_id": who.shopper_id, "visitor_id": who.visitor_id, "session_id": who.session_id}
    same = {
        "tenant_id": tenant_id,
        "recorded_at": now,
        "consent": who.consent,
        "is_bot": who.is_bot,
        "is_internal": who.is_internal,
        **{name: one for name, one in named.items() if one is not None},
    }
    prefix = orjson.dumps(same, default=str)[:-1] + b","
    about = None if who.session_id is None else str(who.session_id)
    rows = []
    for event in events:
        row = {
            "name": event["name"],
            "occurred_at": event["occurred_at"],
            "event_id": event["event_id"],
            "version": event.get("version", 1),
            "aggregate_id": about or event["event_id"],
            "payload": _payload(event["payload"]),
        }
        if (decision_id := event.get("decision_id")) is not None:
            row["decision_id"] = decision_id
        rows.append(prefix + orjson.dumps(row)[1:])
    return rows


def _payload(payload: Mapping[str, Any]) -> str:
    written = orjson.dumps(payload)
    return orjson.dumps(_without_nulls(payload)).decode() if b"null" in written else written.decode()


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_nulls(one) for name, one in value.items() if one is not None}
    return [_without_nulls(one) for one in value] if isinstance(value, list) else value


def _counted(tenant_id: UUID, who: Context, events: Sequence[Mapping[str, Any]]) -> list[bytes]:
    rows = []
    for event in events:
        event_id = counted_id(tenant_id, event["event_id"])
        hour = event["occurred_at"].astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        row = {
            "tenant_id": str(tenant_id),
            "name": event["name"],
            "occurred_at": hour,
            "event_id": event_id,
            "version": event.get("version", 1),
            # The instants of writing and of delivery would say what happened together.
            "recorded_at": hour,
            "delivered_at": hour,
            "aggregate_id": event_id,
            "is_bot": who.is_bot,
            "is_internal": who.is_internal,
            "payload": "{}",
        }
        rows.append(orjson.dumps(row))
    return rows


def _maybe(text: str | None) -> UUID | None:
    return UUID(text) if text else None
