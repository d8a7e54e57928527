"""Events that broke their contract: which, why, and once more when the contract or the reader was mended."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from commerce.behaviour import reading
from commerce.behaviour.reading import BrokenContract
from commerce.behaviour.schemas import DeadLetterOut
from commerce.paging import FIRST
from foundation import clock
from foundation.database import Database, Tx, hot
from foundation.events import Event
from foundation.outbox import DeadLetter, publish

AT_ONCE = 500
"""Letters of a transaction."""

# pk_dead_letter: ids are made in the order of time.
_LIST = hot(
    text(
        """
        SELECT id, received_at, source, name, reason, body FROM dead_letter
        WHERE tenant_id = :tenant_id AND id < CAST(:before AS uuid)
          AND (CAST(:name AS text) IS NULL OR name = CAST(:name AS text))
          AND (CAST(:reason AS text) IS NULL OR strpos(reason, CAST(:reason AS text)) > 0)
        ORDER BY id DESC LIMIT CAST(:limit AS bigint)
        """
    )
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Some of the dead letters; without anything said, all."""

    name: str | None = None
    """What the event says it is."""
    reason: str | None = None
    """A part of what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of dead letters that were tried again."""

    delivered: int
    left: int
    """They are still broken, and say why as of now."""


async def page(tx: Tx, wanted: Wanted, *, before: UUID, limit: int) -> list[tuple[UUID, DeadLetterOut]]:
    """Dead letters, the latest first."""
    rows = await tx.rows(_LIST, {"name": wanted.name, "reason": wanted.reason, "before": before, "limit": limit})
    return [
        (
            row["id"],
            DeadLetterOut(
                id=row["id"],
                received_at=row["received_at"],
                source=row["source"],
                name=row["name"],
                reason=row["reason"],
                body=json.loads(row["body"]),
            ),
        )
        for row in rows
    ]


async def replay(database: Database, tenant_id: UUID, wanted: Wanted) -> Replayed:
    """Hold a shop's dead letters to the contracts of now. What keeps them is announced and is a dead letter no more, in
    one transaction; so whoever is interrupted goes on where they were, and nothing is there twice.
    """
    delivered = left = 0
    after = FIRST
    while True:
        async with database.transaction(tenant_id) as session:
            letters = await _next(session, tenant_id, wanted, after)
            good = await _told(session, letters)
        delivered += good
        left += len(letters) - good
        if len(letters) < AT_ONCE:
            return Replayed(delivered, left)
        after = letters[-1].id


async def _next(session: AsyncSession, tenant_id: UUID, wanted: Wanted, after: UUID) -> Sequence[DeadLetter]:
    chosen = select(DeadLetter).where(DeadLetter.tenant_id == tenant_id, DeadLetter.id > after)
    if wanted.name is not None:
        chosen = chosen.where(DeadLetter.name == wanted.name)
    if wanted.reason is not None:
        chosen = chosen.where(func.strpos(DeadLetter.reason, wanted.reason) > 0)
    return (await session.scalars(chosen.order_by(DeadLetter.id).limit(AT_ONCE).with_for_update())).all()


async def _told(session: AsyncSession, letters: Sequence[DeadLetter]) -> int:
    now = clock.now()
    events: list[Event] = []
    for letter in letters:
        its_own = (DeadLetter.tenant_id == letter.tenant_id, DeadLetter.id == letter.id)
        try:
            events.append(_event(letter, now))
        except BrokenContract as fault:
            if str(fault) != letter.reason:
                await session.execute(update(DeadLetter).where(*its_own).values(reason=str(fault)))
        else:
            await session.execute(delete(DeadLetter).where(*its_own))
    await publish(session, events)
    return len(events)


def _event(letter: DeadLetter, now: datetime) -> Event:
    """What it would have been; whether it came in time goes by when it came."""
    sent = reading.one(letter.body, letter.received_at)
    said: dict[str, Any] = {
        "tenant_id": letter.tenant_id,
        "recorded_at": now,
        "aggregate_id": letter.session_id or sent["event_id"],
        "shopper_id": letter.shopper_id,
        "visitor_id": letter.visitor_id,
        "session_id": letter.session_id,
        "consent": tuple(letter.consent),
        "is_bot": letter.is_bot,
        "is_internal": letter.is_internal,
        "payload": json.loads(json.dumps(sent["payload"], default=str)),
    }
    return Event.model_validate({**sent, **said})
