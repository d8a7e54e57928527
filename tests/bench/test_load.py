"""The load against a server whose answers are known."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from contextlib import suppress
from typing import Any

import pytest

from tradewind.bench import load


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            status = b"200 OK" if b"/good" in head else b"503 Unavailable"
            writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\nok")
    except asyncio.IncompleteReadError:
        writer.close()


@pytest.mark.parametrize(("path", "went_well"), [("/good", True), ("/bad", False)])
async def test_what_is_answered_otherwise_than_asked_has_failed(
    path: str, went_well: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "WARM_UP", 0.0)
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    plan: dict[str, Any] = {"connect": "127.0.0.1", "port": port, "headers": {"Host": "shop"}}

    measured = await load.run({**plan, "kind": "get", "choices": [path], "clients": 3, "seconds": 0.2})
    server.close()

    assert bool(measured["milliseconds"]) is went_well
    assert (measured["failed"] > 0) is not went_well


async def test_a_form_is_sent_with_its_picture_and_an_answer_that_shows_something_else_has_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(load, "WARM_UP", 0.0)
    came: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                came.append(head + await reader.readexactly(length))
                said = b'{"fallback":"popular"}' if len(came) % 2 else b'{"fallback":null,"a":1}'
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(said) + said)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    plan: dict[str, Any] = {"connect": "127.0.0.1", "port": server.sockets[0].getsockname()[1], "clients": 1}
    choices = [{"path": "/looks", "file": b64encode(b"a picture").decode()}]
    measured = await load.run(
        {**plan, "headers": {}, "kind": "send", "choices": choices, "refuses": '"fallback":"', "seconds": 0.1}
    )
    server.close()

    assert b"\r\n\r\na picture\r\n--" in came[0]
    assert b"Content-Type: multipart/form-data; boundary=" in came[0]
    assert abs(len(measured["milliseconds"]) - 2 * measured["failed"]) <= 1
    assert measured["failed"] > 0
