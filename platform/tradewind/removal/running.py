"""One shop is removed, or all whose time is over: what the process does in rounds, and the command by hand."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import asyncpg
import structlog

from commerce.leaving import removing
from commerce.leaving.removing import PlaceFailed, RemovalNotDue, RemovalRunning, Removed, Seen, unseen
from commerce.onboarding.service import KEPT_DAYS
from foundation import clock
from foundation.settings import Settings
from tradewind.removal import places

log = structlog.get_logger(__name__)
PERIOD = timedelta(minutes=10)
SETTLED = timedelta(minutes=10)
"""How long after a shop was removed something of it may still arrive, such as a batch of events that was on its way."""


async def remove(settings: Settings, tenant_id: UUID, *, early: bool = False, seen: Seen = unseen) -> Removed:
    """Remove a shop from every engine.

    Raises:
        RemovalNotDue: it is not closing, or its time of grace is not over and this is not to be `early`.
        RemovalRunning: somebody does so already, or moves it.
        PlaceFailed: an engine can't be reached; it can be gone on with later.
        EngineNotConfigured: the owner of the schema has no address.
    """
    drafted_before = clock.now() - timedelta(days=KEPT_DAYS)
    async with removing.owner(settings) as connection, removing.alone(connection, tenant_id):
        gone = await removing.begin(connection, settings, tenant_id, early=early, drafted_before=drafted_before)
        first, then = places.before_the_rows(settings), places.after_the_rows(settings)
        return await removing.remove(connection, gone, first=first, then=then, seen=seen)


async def once(settings: Settings) -> int:
    """One round: what came back is removed anew, what is over is removed, what was removed is looked for once more. How
    many shops that were.
    """
    now = clock.now()
    async with removing.owner(settings) as connection:
        risen = await removing.risen(connection, settings)
        ended = await removing.ended(connection, now=now, drafted_before=now - timedelta(days=KEPT_DAYS))
        late = await removing.to_sweep(connection, finished_before=now - SETTLED)
    count = 0
    for tenant_id in dict.fromkeys((*risen, *ended, *late)):
        count += await _one(settings, tenant_id, swept=tenant_id in late)
    return count


async def _one(settings: Settings, tenant_id: UUID, *, swept: bool) -> bool:
    """Whether it was done; what is in the way of one shop holds no other up."""
    try:
        await remove(settings, tenant_id)
        if swept:
            async with removing.owner(settings) as connection:
                await removing.swept(connection, tenant_id)
    except (RemovalNotDue, RemovalRunning):  # it was kept after all, or somebody is at it
        return False
    except PlaceFailed as fault:
        why = f"{type(fault.__cause__).__name__}: {fault.__cause__}"
        log.warning("removal.interrupted", tenant=str(tenant_id), place=fault.place, error=why[:500])
        return False
    return True


async def run(settings: Settings) -> None:
    """Go round until it is cancelled."""
    while True:
        try:
            await once(settings)
        except (asyncpg.PostgresError, OSError) as fault:
            log.warning("removal.interrupted", error=str(fault).splitlines()[:1])
        await asyncio.sleep(PERIOD.total_seconds())
