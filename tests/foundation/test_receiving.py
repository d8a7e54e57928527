"""Nobody keeps a connection by being slow."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

from foundation import receiving
from foundation.receiving import BoundedProtocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LARGE = b"x" * (64 * 2**20)
"""More than the kernel keeps for somebody who does not read."""


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Says how much it was sent; at `/large`, much more than that."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = LARGE if scope["path"] == "/large" else str(size).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """A server that waits for a fraction of a second, so that the tests need not wait for long."""
    monkeypatch.setattr(receiving, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(receiving, "BODY_SECONDS", 0.3)
    monkeypatch.setattr(receiving, "STALLED_SECONDS", 0.3)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(echo, http=BoundedProtocol, lifespan="off", log_level="critical"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield listener.getsockname()[1]
    server.should_exit = True
    await serving
    listener.close()


async def _said(port: int, *parts: bytes, pause: float = 0.0) -> bytes:
    """Everything that is answered to `parts`, sent one after another, until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        return await asyncio.wait_for(reader.read(), 10)
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_a_connection_that_says_nothing_is_hung_up_on(port: int) -> None:
    assert (await _said(port)).startswith(b"HTTP/1.1 408")


async def test_a_head_that_drips_is_cut_off_however_steadily_it_drips(port: int) -> None:
    drips = [b"GET / HTTP/1.1\r\n"] + [b"X-%d: y\r\n" % number for number in range(20)]
    assert b"200" not in await _said(port, *drips, pause=0.05)


async def test_a_body_that_drips_is_cut_off(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n"
    assert b"200" not in await _said(port, head, *[b"x"] * 20, pause=0.05)


async def test_a_large_body_has_the_time_it_needs(port: int) -> None:
    chunk, count = b"x" * receiving.BODY_RATE, 4
    head = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (len(chunk) * count)
    answer = await _said(port, head, *[chunk] * count, pause=0.2)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(str(len(chunk) * count).encode())


async def test_a_head_without_end_is_refused(port: int) -> None:
    head = b"GET / HTTP/1.1\r\n" + b"X: %s\r\n" % (b"y" * receiving.HEAD_BYTES)
    assert (await _said(port, head)).startswith(b"HTTP/1.1 431")


async def test_a_kept_connection_answers_one_request_after_another(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(3):
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
        assert b"200" in await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(1) == b"2"
        await asyncio.sleep(0.5)
    writer.close()


async def test_requests_sent_at_once_are_all_answered(port: int) -> None:
    one = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"
    last = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    assert (await _said(port, one + one + last)).count(b"HTTP/1.1 200") == 3


async def test_an_answer_that_nobody_reads_is_given_up(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    writer.transport.pause_reading()
    writer.write(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
    await asyncio.sleep(1.5)
    writer.transport.resume_reading()
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await asyncio.wait_for(reader.readexactly(len(LARGE)), 10)
    writer.close()
