"""The worker that makes archives and deletes those whose time is over, and warns shops before they are removed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

import structlog

from commerce.archives.queue import TakenOver, Turn, while_held
from commerce.leaving import archiving, exports, storage, warning
from commerce.leaving.archiving import EventsUnavailable
from commerce.tenancy.rounds import keep_going_round
from commerce.tenancy.service import Shop
from foundation.database import Database, DatabaseUnavailable
from foundation.sealing import Unreadable
from foundation.settings import Settings

log = structlog.get_logger(__name__)
PERIOD_SECONDS = 5.0


@dataclass(slots=True)
class Progress:
    """How far the writing is."""

    done: int = 0
    total: int = 0
    at: str = ""

    def see(self, done: int, total: int, at: str) -> None:
        """It is that far."""
        self.done, self.total, self.at = done, total, at


async def run(database: Database, settings: Settings) -> None:
    """Go round all shops until it is cancelled."""

    async def see_to_both(shop: Shop) -> None:
        async with database.tx(shop.id) as tx:
            await warning.warn(tx)
        if settings.objects_url is not None:  # else there is nowhere to keep archives
            await see_to(database, settings, shop.id)

    await keep_going_round("exports", database, see_to_both, every=PERIOD_SECONDS)


async def see_to(database: Database, settings: Settings, tenant_id: UUID) -> bool:
    """Make the archive that a shop has asked for, if it has, and delete old ones; whether one was made."""
    async with database.tx(tenant_id) as tx:
        row, over = await exports.QUEUE.claim(tx), await exports.QUEUE.expire(tx)
    for one in over:
        await _delete(settings, _path(tenant_id, one))
    return row is not None and await _make(database, settings, tenant_id, Turn(row["id"], row["attempt"]))


async def _make(database: Database, settings: Settings, tenant_id: UUID, turn: Turn) -> bool:
    path = _path(tenant_id, turn)
    try:
        written = await _write(database, settings, tenant_id, turn)
        async with database.tx(tenant_id) as tx:
            made = await exports.ready(tx, turn, rows=written.rows, size=written.size, sha256=written.sha256)
    except TakenOver:
        made = False
    except (EventsUnavailable, DatabaseUnavailable, OSError, Unreadable) as fault:
        log.warning("exports.failed", tenant=str(tenant_id), attempt=turn.attempt, error=_why(fault))
        await _delete(settings, path)
        async with database.tx(tenant_id) as tx:
            await exports.QUEUE.let_go(tx, turn)
        return False
    if not made:
        await _delete(settings, path)
    return made


async def _write(database: Database, settings: Settings, tenant_id: UUID, turn: Turn) -> archiving.Written:
    progress = Progress()
    store = storage.Store.at(settings.objects_url or "")
    out = await asyncio.to_thread(store.writing, _path(tenant_id, turn))

    async def go_on() -> None:
        async with database.tx(tenant_id) as tx:
            await exports.go_on(tx, turn, done=progress.done, total=progress.total, at=progress.at)

    try:
        return await while_held(archiving.write(database, settings, tenant_id, out, progress.see), go_on)
    finally:
        await asyncio.to_thread(out.close)


def _path(tenant_id: UUID, turn: Turn) -> str:
    return storage.export_path(tenant_id, turn.id, turn.attempt)


def _why(fault: Exception) -> str:
    cause = fault.__cause__ or fault
    return f"{type(cause).__name__}: {cause}"[:500]


async def _delete(settings: Settings, path: str) -> None:
    await asyncio.to_thread(storage.Store.at(settings.objects_url or "").remove, path)
