"""Behavioural events, held to their contracts one by one: the good go on, the broken are kept with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from commerce.behaviour import reading
from commerce.behaviour.reading import Sent
from commerce.behaviour.schemas import Receipt, Rejected
from commerce.identity.service import Shopper
from foundation import clock
from foundation.database import Database
from foundation.events import may_be_recorded
from foundation.events.spooled import framed
from foundation.ids import new_id
from foundation.outbox import DeadLetter
from foundation.spool import Spool

SOURCE = "store"
LONGEST_NAME = 100

Broken = tuple[int, dict[str, Any], str]
"""The place in the batch, what was sent, and what is wrong with it."""


async def receive(database: Database, spool: Spool, shopper: Shopper, body: bytes) -> Receipt:
    """Take a batch: what keeps its contract goes to the spool, what breaks it becomes a dead letter. Both are on disk
    when this returns.

    Of whoever has not agreed to it each event counts, and nothing else of it is kept, not even what is broken.

    Raises:
        pydantic.ValidationError: it is no batch.
        Backlog, SpoolAway: the spool is full, or its disk refuses; sent again, nothing is there twice.
    """
    now, who = clock.now(), shopper.context()
    good: list[Sent] = []
    broken: list[Broken] = []
    for place, found in enumerate(reading.read(body, now)):
        if isinstance(found, tuple):
            broken.append((place, *found))
        else:
            good.append(found)
    recorded = may_be_recorded(who)
    if broken and recorded:
        async with database.transaction(shopper.tenant_id) as session:
            _keep(session, shopper, broken, now)
    if good:
        await spool.append(framed(shopper.tenant_id, who, good, now))
    return Receipt(
        accepted=len(good) if recorded else 0,
        counted=0 if recorded else len(good),
        ignored=0,
        rejected=[Rejected(index=place, reason=reason) for place, _, reason in broken],
    )


def _keep(session: AsyncSession, shopper: Shopper, broken: Sequence[Broken], now: datetime) -> None:
    who = shopper.context()
    session.add_all(
        DeadLetter(
            tenant_id=shopper.tenant_id,
            id=new_id(),
            received_at=now,
            source=SOURCE,
            name=_name(raw),
            reason=reason,
            body=raw,
            shopper_id=who.shopper_id,
            visitor_id=who.visitor_id,
            session_id=who.session_id,
            consent=list(who.consent),
            is_bot=who.is_bot,
            is_internal=who.is_internal,
        )
        for _, raw, reason in broken
    )


def _name(raw: dict[str, Any]) -> str | None:
    name = raw.get("name")
    return name[:LONGEST_NAME] if isinstance(name, str) else None
