"""The load against a server whose answers are known."""

from __future__ import annotations

import asyncio
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
