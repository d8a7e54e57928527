"""The wire between the shop and its Postgres: it can be cut, go silent, or fail in the middle of a COMMIT."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

CHUNK = 1 << 16


class Wire:
    """A TCP proxy on loopback. Its moods hold for connections that are open and for those to come."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.speaking = asyncio.Event()
        """While it is not set nothing passes, and nobody is told."""
        self.speaking.set()
        self.commits_to_cut = 0
        """So many of the next commits lose their connection, before or after they reached the server."""
        self.commits_cut = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Listen on a free port, and give it."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Listen no more."""
        self.cut()
        if self._server is not None:
            self._server.close()

    def cut(self) -> None:
        """Break every connection."""
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            behind, server = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, server}
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(reader, server, writer, asks=True))
                pumps.create_task(self._pump(behind, writer, server, asks=False))
        except* OSError:
            pass
        finally:
            self._open -= {writer, server}
            for end in (writer, server):
                with suppress(OSError):
                    end.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, to: asyncio.StreamWriter, back: asyncio.StreamWriter, *, asks: bool
    ) -> None:
        while chunk := await reader.read(CHUNK):
            await self.speaking.wait()
            if asks and self.commits_to_cut and b"COMMIT" in chunk:
                self.commits_to_cut -= 1
                self.commits_cut += 1
                if random.random() < 0.5:
                    to.write(chunk)
                    await to.drain()
                back.transport.abort()
                await asyncio.sleep(0.05)
                raise ConnectionResetError
            to.write(chunk)
            await to.drain()
        raise ConnectionResetError
