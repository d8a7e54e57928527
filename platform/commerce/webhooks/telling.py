"""The worker's part: queue and send for every shop until told to stop, whatever else the worker does meanwhile."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import asyncpg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from commerce.tenancy import service as tenancy
from commerce.webhooks.sending import Dispatcher
from foundation.database import Database, DatabaseUnavailable
from foundation.outbound import Outbound
from foundation.settings import Settings

log = structlog.get_logger(__name__)

PERIOD_SECONDS = 1.0
CONNECTIONS = 4


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Go round until `stop` is set; calls that are under way then are broken off, and made again by the next worker.

    Raises:
        EngineNotConfigured: Postgres has no address.
    """
    database = Database.of(settings, pool_size=CONNECTIONS)
    first = 0
    try:
        async with Outbound.of(settings) as outbound:
            dispatcher = Dispatcher(database, outbound)
            try:
                while not stop.is_set():
                    first, moved = first + 1, await _round(database, dispatcher, first)
                    if not moved:
                        with suppress(TimeoutError):
                            await asyncio.wait_for(stop.wait(), PERIOD_SECONDS)
            finally:
                await dispatcher.close()
    finally:
        await database.close()


async def _round(database: Database, dispatcher: Dispatcher, first: int) -> int:
    try:
        async with database.transaction(None) as session:
            shops = await tenancy.all_shops(session)
        start = first % max(len(shops), 1)
        return await dispatcher.turn([*shops[start:], *shops[:start]])
    except (DatabaseUnavailable, SQLAlchemyError, asyncpg.PostgresError, OSError) as fault:
        log.warning("webhooks.interrupted", error=str(fault).splitlines()[:1])
        return 0
