"""Set one bomb off under a limit of memory: `python -m tests.hardening.bomb picture 268435456`.

Prints whether it was refused, as JSON.
"""

from __future__ import annotations

import asyncio
import io
import json
import resource
import struct
import sys
import zipfile
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI, Request

from foundation import http, pictures, workbooks
from foundation.outbound import AnswerRefused, Limits, Outbound

SIDE = 60_000
"""Pixels: a picture of 3.6 thousand million of them, in some kilobytes."""


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(side: int) -> bytes:
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    packed = zlib.compressobj(9)
    rows = b"".join(packed.compress(bytes(side + 1)) for _ in range(200)) + packed.flush()
    return b"\x89PNG\r\n\x1a\n" + head + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


async def picture() -> str:
    """A PNG that is small and says it is enormous."""
    try:
        pictures.opened(_png(SIDE), ("PNG",))
    except pictures.NotAPicture:
        return "refused"
    return "opened"


async def json_depth() -> str:
    """A body that is all opening brackets."""
    return await _posted(b"[" * 1_000_000)


async def json_size() -> str:
    """A body of 50 MB, sent in pieces and without saying how long it is."""

    async def pieces() -> Any:
        for _ in range(50):
            yield b" " * 2**20

    return await _posted(pieces())


async def answer() -> str:
    """An answer of ten gigabytes, gzipped to ten megabytes, from an address that a tenant named."""
    packed = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    block = packed.compress(bytes(64 * 2**20))
    more = b"".join([block, *(packed.compress(bytes(2**20)) for _ in range(2_000)), packed.flush()])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Type: application/json\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n" % len(more) + more)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with Outbound(loopback=True) as outside:
        try:
            await outside.get(f"http://127.0.0.1:{port}/", limits=Limits(max_bytes=2**20))
        except AnswerRefused:
            return "refused"
        finally:
            server.close()
    return "taken"


async def workbook() -> str:
    """A workbook of a megabyte that unpacks to a gigabyte."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as packed, packed.open("xl/sheet1.xml", "w") as part:
        for _ in range(1_024):
            part.write(bytes(2**20))
    return _read_workbook(written.getvalue())


async def entities() -> str:
    """A workbook of which one part is a thousand million laughs."""
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as packed:
        packed.writestr("xl/sheet1.xml", f'<!DOCTYPE l [<!ENTITY l0 "ha">{laughs}]><l>&l9;</l>')
    return _read_workbook(written.getvalue())


def _read_workbook(body: bytes) -> str:
    try:
        list(workbooks.rows(body, most_rows=1_000, most_columns=10))
    except workbooks.NotAWorkbook:
        return "refused"
    return "read"


async def _posted(body: Any) -> str:
    app = FastAPI()
    http.install(app, max_body_bytes=2**20)

    @app.post("/")
    async def take(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://grocer.localhost") as client:
        response = await client.post("/", content=body, headers={"content-type": "application/json"})
    return "refused" if 400 <= response.status_code < 500 else f"answered {response.status_code}"


BOMBS: dict[str, Callable[[], Awaitable[str]]] = {
    "picture": picture,
    "json_depth": json_depth,
    "json_size": json_size,
    "answer": answer,
    "workbook": workbook,
    "entities": entities,
}


def main(name: str, room: str) -> None:
    """Set it off."""
    import PIL.Image  # noqa: F401

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + int(room), resource.RLIM_INFINITY))
    said = asyncio.run(BOMBS[name]())
    sys.stdout.write(json.dumps({"refused": said == "refused", "said": said}))


if __name__ == "__main__":
    main(*sys.argv[1:])
