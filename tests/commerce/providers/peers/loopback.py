"""A provider's stand-in on a loopback port: what it was asked is kept, and it answers badly when a test wants it."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass
class Fault:
    """What goes wrong with the next request of this method to a path that matches."""

    path: str
    method: str = "POST"
    kind: Literal["away", "lost", "slow"] = "away"
    """`away`: an error and nothing done; `lost`: done, and the connection breaks; `slow`: done, and answered too late."""
    status: int = 500
    seconds: float = 1.0


@dataclass
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Watched:
    """An app, its requests and its faults."""

    app: ASGIApp
    faults: list[Fault] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    def calls(self, method: str, path: str) -> list[Asked]:
        """The requests of a method to paths that end so."""
        return [one for one in self.asked if one.method == method and one.path.endswith(path)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        body = await request.body()
        self.asked.append(Asked(request.method, request.url.path, dict(request.headers), body))
        fault = next(
            (one for one in self.faults if one.method == request.method and re.search(one.path, request.url.path)), None
        )

        async def again() -> dict[str, object]:
            return {"type": "http.request", "body": body, "more_body": False}

        if fault is None:
            await self.app(scope, again, send)
            return
        self.faults.remove(fault)
        if fault.kind == "away":
            await JSONResponse({"error": {"code": "SERVER_ERROR"}}, status_code=fault.status)(scope, again, send)
            return
        answered = []

        async def keep(message: object) -> None:
            answered.append(message)

        await self.app(scope, again, keep)  # type: ignore[arg-type]
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            for message in answered:
                await send(message)  # type: ignore[arg-type]
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
        raise ConnectionResetError("the answer is lost")


@contextlib.contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """The address at which `app` answers, from a thread of its own."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()  # who comes before the thread is ready waits in the queue
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
