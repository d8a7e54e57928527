"""What a worker remembers of each shop's standing, so that no request has to read it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from commerce.plans import service
from commerce.plans.catalogue import STARTER
from commerce.plans.service import Standing
from foundation.buckets import Rate
from foundation.database import Database, DatabaseUnavailable

log = structlog.get_logger(__name__)

REMEMBERED = 10.0
"""Seconds after which it is read again, while the old is still used."""


@dataclass(slots=True)
class Book:
    """Each shop's standing, as it was within the last seconds."""

    _known: dict[UUID, tuple[float, Standing]] = field(default_factory=dict)
    _reading: dict[UUID, asyncio.Task[Standing]] = field(default_factory=dict)

    def rate_of(self, tenant_id: UUID) -> Rate:
        """What a shop may be asked; the first plan's until its own has been read."""
        known = self._known.get(tenant_id)
        return (known[1].plan if known else STARTER).requests

    async def of(self, database: Database, tenant_id: UUID) -> Standing:
        """Where a shop stands; read now if it never was, and in the background if it is time to.

        Raises:
            DatabaseUnavailable: it never was, and can't be.
        """
        known = self._known.get(tenant_id)
        if known is None:
            return await asyncio.shield(self._read(database, tenant_id))
        self.look_up(database, tenant_id)
        return known[1]

    async def at_checkout(self, database: Database, tenant_id: UUID) -> Standing:
        """`of`, and read now where a cap is agreed that may have been reached since it was.

        Raises:
            DatabaseUnavailable: it must be read, and can't be.
        """
        known = self._known.get(tenant_id)
        if known is None or known[1].left is None:
            return await self.of(database, tenant_id)
        if known[0] < time.monotonic() or not known[1].lasts(REMEMBERED):
            return await asyncio.shield(self._read(database, tenant_id))
        return known[1]

    def look_up(self, database: Database, tenant_id: UUID) -> None:
        """See to it, in the background, that a shop's standing is known and not old."""
        known = self._known.get(tenant_id)
        if known is None or known[0] < time.monotonic():
            self._read(database, tenant_id)

    def forget(self, tenant_id: UUID) -> None:
        """It has just changed."""
        self._known.pop(tenant_id, None)

    def _read(self, database: Database, tenant_id: UUID) -> asyncio.Task[Standing]:
        reading = self._reading.get(tenant_id)
        if reading is None:
            reading = self._reading[tenant_id] = asyncio.create_task(self._reads(database, tenant_id))
            reading.add_done_callback(lambda done: self._done(tenant_id, done))
        return reading

    def _done(self, tenant_id: UUID, done: asyncio.Task[Standing]) -> None:
        self._reading.pop(tenant_id, None)
        if not done.cancelled() and isinstance(done.exception(), DatabaseUnavailable):
            log.warning("plans.standing_unread", tenant_id=str(tenant_id))

    async def _reads(self, database: Database, tenant_id: UUID) -> Standing:
        async with database.tx(tenant_id, read_only=True) as tx:
            found = await service.standing(tx)
        self._known[tenant_id] = (time.monotonic() + REMEMBERED, found)
        return found
