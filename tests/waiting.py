"""Waiting, with more patience than a loaded machine needs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from asgi_lifespan import LifespanManager

from foundation.database import Tx

PATIENCE = 30.0
"""Seconds after which what was waited for is taken never to come."""


def started(app: Any) -> LifespanManager:
    """An app between its start and its end, to be entered."""
    return LifespanManager(app, startup_timeout=PATIENCE, shutdown_timeout=PATIENCE)


async def comes(true: Callable[[], bool]) -> None:
    """Wait for something to come true, while the loop's other tasks go on.

    Raises:
        TimeoutError: it did not.
    """
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110  (nobody sets an event)
            await asyncio.sleep(0.005)


# Not pg_stat_activity: a transaction sees that as it was when it first asked.
_WAITING = """
    SELECT count(DISTINCT w.pid) FROM pg_locks w JOIN pg_locks h USING (pid) JOIN pg_database d ON d.oid = h.database
    WHERE NOT w.granted AND d.datname = current_database()
"""


async def others_wait(tx: Tx, count: int = 1) -> None:
    """Wait until so many others of the transaction's database wait for somebody's lock.

    Raises:
        TimeoutError: they did not.
    """
    async with asyncio.timeout(PATIENCE):
        while await tx.connection.fetchval(_WAITING) < count:  # noqa: ASYNC110  (nobody sets an event)
            await asyncio.sleep(0.01)


def until(true: Callable[[], bool]) -> None:
    """Wait for something to come true, in a thread.

    Raises:
        TimeoutError: it did not.
    """
    deadline = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError("it never came to be")
        time.sleep(0.01)
