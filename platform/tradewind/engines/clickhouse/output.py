"""A query in progress and the bytes it writes, read without a thread and without ever holding them all."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sys
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import SpooledTemporaryFile

from tradewind.engines.clickhouse.engine import Engine, Outcome
from tradewind.engines.clickhouse.request import Query

PIECE = 1024 * 1024
_IN_MEMORY = 8 * 1024 * 1024


class Running:
    """A query on a worker thread, and the reading end of the pipe that it writes to."""

    def __init__(
        self,
        end: Callable[[], None],
        task: asyncio.Future[Outcome],
        reader: asyncio.StreamReader,
        pipe: asyncio.BaseTransport,
    ) -> None:
        self._end = end
        self._task = task
        self._reader = reader
        self._pipe = pipe

    @classmethod
    async def start(cls, engine: Engine, query: Query, workers: Executor, places: asyncio.Semaphore) -> Running:
        """Begin a query once there is a place for it; the place is free again when the query ends."""
        await places.acquire()
        reading, writing = os.pipe()
        if sys.platform == "linux":
            with suppress(PermissionError):
                fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIECE)
        reader = asyncio.StreamReader(limit=PIECE)
        loop = asyncio.get_running_loop()
        pipe, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb", buffering=0)
        )
        task = asyncio.ensure_future(loop.run_in_executor(workers, engine.run, query, writing))
        task.add_done_callback(lambda ended: _free(places, ended))
        return cls(partial(engine.end, query), task, reader, pipe)

    async def read(self) -> bytes:
        """Some more of the result; nothing at its end."""
        return await self._reader.read(PIECE)

    async def head(self, size: int) -> tuple[bytes, Outcome | None]:
        """The result's first `size` bytes, and what the query did if they are all.

        Raises:
            QueryFailed: it failed before it wrote more.
        """
        head = bytearray()
        while piece := await self.read():
            head += piece
            if len(head) >= size:
                return bytes(head), None
        return bytes(head), await self.outcome()

    async def whole(self, spool: Path) -> tuple[SpooledTemporaryFile[bytes], Outcome]:
        """The whole result, in a file beyond a few MiB.

        Raises:
            QueryFailed: it failed.
        """
        held = SpooledTemporaryFile[bytes](_IN_MEMORY, dir=str(spool))
        try:
            while piece := await self.read():
                held.write(piece)
            outcome = await self.outcome()
        except BaseException:
            held.close()
            raise
        held.seek(0)
        return held, outcome

    async def rest(self) -> AsyncIterator[bytes]:
        """What follows the head.

        Raises:
            QueryFailed: it failed; what came before is part of its result.
        """
        while piece := await self.read():
            yield piece
        await self.outcome()

    async def outcome(self) -> Outcome:
        """What the query did, when it has ended.

        Raises:
            QueryFailed: it failed.
        """
        return await asyncio.shield(self._task)

    async def leave(self) -> None:
        """Read no more, and tell a query that still runs to end."""
        self._pipe.close()
        if not self._task.done():
            await asyncio.to_thread(self._end)


def _free(places: asyncio.Semaphore, ended: asyncio.Future[Outcome]) -> None:
    places.release()
    if not ended.cancelled():
        # A failure after its reader left is nobody's to handle.
        ended.exception()
