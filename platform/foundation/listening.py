"""What Postgres notifies on a channel, and whether it is heard.

A connection that hangs, a pooler that has no LISTEN, a server that was changed: each looks like silence. So the
listener tells the channel a word of its own every few seconds, and counts as hearing only while its word comes back.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import asyncpg
import structlog

log = structlog.get_logger(__name__)

BEAT = 5.0
"""Seconds between two words of its own, and how long each may take to come back. A connection that hangs is noticed
within the two together."""
AGAIN = 1.0
"""Seconds before the next try to connect."""
_OWN = "word:"


class Listener:
    """Calls `heard` with each payload, `hearing` when it begins to hear and `deaf` when it no longer does."""

    def __init__(
        self,
        dsn: str,
        channel: str,
        *,
        heard: Callable[[str], None],
        hearing: Callable[[], None],
        deaf: Callable[[], None],
        also: Mapping[str, Callable[[str], None]] | None = None,
    ) -> None:
        """`also` are other channels that are heard over the same connection, and by whom."""
        self._dsn = dsn
        self._channel = channel
        self._heard = heard
        self._hearing = hearing
        self._deaf = deaf
        self._also = also or {}
        self._word = ""
        self._came_back = asyncio.Event()
        self._cut = asyncio.Event()

    async def run(self) -> None:
        """Listen until it is cancelled, over as many connections as that takes."""
        while True:
            try:
                await self._listen()
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
                log.warning("listening.lost", channel=self._channel, reason=str(error) or type(error).__name__)
            finally:
                self._deaf()
            await asyncio.sleep(AGAIN)

    async def _listen(self) -> None:
        self._cut.clear()
        connection = await asyncpg.connect(self._dsn, timeout=BEAT, command_timeout=BEAT)
        try:
            connection.add_termination_listener(lambda _: self._cut.set())
            await connection.add_listener(self._channel, self._on)
            for channel, heard in self._also.items():
                await connection.add_listener(channel, _only_payload(heard))
            await self._say(connection)
            self._hearing()
            while not await self._is_cut():
                await self._say(connection)
            raise ConnectionError("the connection was cut")
        finally:
            connection.terminate()

    async def _say(self, connection: asyncpg.Connection) -> None:
        self._word = _OWN + secrets.token_hex(8)
        self._came_back.clear()
        async with asyncio.timeout(BEAT):
            await connection.execute("SELECT pg_notify($1, $2)", self._channel, self._word)
            await self._came_back.wait()

    async def _is_cut(self) -> bool:
        """Wait for the next beat, unless the connection ends before."""
        try:
            await asyncio.wait_for(self._cut.wait(), BEAT)
        except TimeoutError:
            return False
        return True

    def _on(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        if payload == self._word:
            self._came_back.set()
        elif not payload.startswith(_OWN):
            self._heard(payload)


class Together:
    """Several listeners that count as one: it hears while all of them do."""

    def __init__(self, listeners: int, *, hearing: Callable[[], None], deaf: Callable[[], None]) -> None:
        self._listeners = listeners
        self._hear: set[int] = set()
        self._hearing = hearing
        self._deaf = deaf

    def hears(self, listener: int) -> None:
        """One more of them hears."""
        self._hear.add(listener)
        if len(self._hear) == self._listeners:
            self._hearing()

    def is_deaf(self, listener: int) -> None:
        """One of them no longer hears."""
        self._hear.discard(listener)
        self._deaf()


def _only_payload(heard: Callable[[str], None]) -> Callable[[Any, int, str, str], None]:
    return lambda _connection, _pid, _channel, payload: heard(payload)
