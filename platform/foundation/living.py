"""Whether a process that has claimed something still lives, as Postgres sees it.

A process holds a lock of its own for as long as its session with Postgres lasts. What it claims carries the number of
that lock; once nobody holds it, the claim is anybody's. No clock takes part in that. The connection is one of its own,
which a pooler of transactions must not stand in front of.

A claim is looked at in the database that it is kept in, so a process holds its lock in every database that tenants have
of their own as well: under one number, as far as that is free, so that a claim is still known for its process's after
its tenant was moved.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import count

import asyncpg
import structlog

from foundation.database import DatabaseUnavailable
from foundation.tasks import ended

log = structlog.get_logger(__name__)

LIVING = 1_414_091_607
"""The first half of the key of every such lock; the second is the number."""
BEAT = 5.0
"""Seconds between two looks at the connection, and how long each may take."""
AGAIN = 0.5
"""Seconds before the next try to connect, or to write what could not be written."""

CLAIMANT_LIVES = f"""
    EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.classid = {LIVING} AND l.objsubid = 2
              AND l.objid = CAST(k.claim >> 32 AS oid) AND l.granted
              AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""  # noqa: S608  (a literal)
"""Of a row `k` with a `claim`."""


class Life:
    """This process while its session with Postgres lasts."""

    def __init__(self, dsn: str, *, apart: Mapping[str, str] | None = None, number: int | None = None) -> None:
        """`apart` are databases to live in besides, by name; `number` is the one to try first."""
        self._dsn = dsn
        self._first: int | None = number or _drawn()
        self._apart = {name: Life(one, number=self._first) for name, one in (apart or {}).items()}
        self._cut = asyncio.Event()
        self._late: set[asyncio.Task[None]] = set()
        self._claims = count()
        self.number: int | None = None
        """What others know it by; none while there is no session."""

    def claim(self, home: str = "") -> int | None:
        """A new number for a claim in the database `home`, which says whose it is; none while nobody can vouch for this
        process there.
        """
        number = self._apart[home].number if home in self._apart else self.number
        return None if number is None else number << 32 | next(self._claims) & 0xFFFF_FFFF

    @asynccontextmanager
    async def lived(self) -> AsyncIterator[None]:
        """Live inside this block."""
        living = [asyncio.create_task(one.run()) for one in (self, *self._apart.values())]
        try:
            yield
        finally:
            await ended(*living, *self._late)

    async def run(self) -> None:
        """Live until it is cancelled, over as many sessions as that takes; each has a number of its own."""
        while True:
            try:
                await self._live()
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
                log.warning("living.session_lost", reason=str(error) or type(error).__name__)
            finally:
                self.number = None
            await asyncio.sleep(AGAIN)

    async def _live(self) -> None:
        self._cut.clear()
        connection = await asyncpg.connect(self._dsn, timeout=BEAT, command_timeout=BEAT)
        try:
            connection.add_termination_listener(lambda _: self._cut.set())
            number, self._first = self._first or _drawn(), None
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", LIVING, number):
                return  # somebody has drawn the same
            self.number = number
            while not await self._is_cut():
                await connection.execute("SELECT 1")
            raise ConnectionError("the connection was cut")
        finally:
            connection.terminate()

    async def _is_cut(self) -> bool:
        """Wait for the next beat, unless the connection ends before."""
        try:
            await asyncio.wait_for(self._cut.wait(), BEAT)
        except TimeoutError:
            return False
        return True

    def see_to(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write in the background what Postgres could not be reached for, as often as it takes: whoever lives gives
        back what it has claimed.
        """
        task = asyncio.create_task(_until_written(write))
        self._late.add(task)
        task.add_done_callback(self._late.discard)


def _drawn() -> int:
    return secrets.randbelow(2**31 - 1) + 1


async def _until_written(write: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(AGAIN)
        try:
            await write()
        except DatabaseUnavailable:
            continue
        return
