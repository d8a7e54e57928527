"""A Qdrant for every test here: the server that `TRADEWIND_TEST_QDRANT_URL` names, or the embedded one in a process.

Each test of behaviour runs twice, through the stock sync client and the stock async one; both are awaited.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from qdrant_client import AsyncQdrantClient, QdrantClient

SERVER_URL = os.environ.get("TRADEWIND_TEST_QDRANT_URL")
SERVER_KEY = os.environ.get("TRADEWIND_TEST_QDRANT_API_KEY")
KEY = "open-sesame"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if SERVER_URL:
        for item in items:
            if item.get_closest_marker("embedded"):
                item.add_marker(pytest.mark.skip(reason="needs the embedded engine's process"))


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@dataclass
class Gateway:
    """The embedded Qdrant as a process over one directory."""

    directory: Path
    port: int = field(default_factory=_free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        key_file = self.directory / "key"
        key_file.write_text(KEY + "\n")
        command = [sys.executable, "-m", "tradewind.engines.qdrant", "--path", str(self.directory / "data")]
        self.process = subprocess.Popen([*command, "--port", str(self.port), "--api-key-file", str(key_file)])
        while self.process.poll() is None:
            with suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/readyz").status_code == 200:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"the gateway left with {self.process.returncode}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        status = self.process.wait(timeout=30)
        self.process = None
        return status

    def client(self) -> QdrantClient:
        client: QdrantClient = _quietly(QdrantClient, url=self.url, api_key=KEY, timeout=60, check_compatibility=False)
        return client


def _quietly(client: Callable[..., Any], **settings: Any) -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Api key is used with an insecure connection")
        return client(**settings)


@dataclass(frozen=True)
class Server:
    url: str
    key: str | None

    @property
    def headers(self) -> dict[str, str]:
        return {"api-key": self.key} if self.key else {}


class Awaited:
    """The sync client with the async one's face."""

    def __init__(self, client: QdrantClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        async def call(*arguments: Any, **named: Any) -> Any:
            return await asyncio.to_thread(method, *arguments, **named)

        return call


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The run's one Qdrant."""
    if SERVER_URL:
        yield Server(SERVER_URL, SERVER_KEY)
        return
    gateway = Gateway(tmp_path_factory.mktemp("qdrant"))
    gateway.start()
    yield Server(gateway.url, KEY)
    gateway.stop()


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    """An embedded Qdrant of the test's own, to kill."""
    own = Gateway(tmp_path)
    own.start()
    yield own
    if own.process is not None:
        own.stop()


@pytest.fixture(params=["sync", "async"])
async def client(request: pytest.FixtureRequest, server: Server) -> AsyncIterator[Any]:
    """The stock client, sync and async in turn; either way each call is awaited."""
    settings: dict[str, Any] = {"url": server.url, "api_key": server.key, "timeout": 60}
    if request.param == "sync":
        sync = _quietly(QdrantClient, **settings)
        yield Awaited(sync)
        sync.close()
    else:
        own = _quietly(AsyncQdrantClient, **settings)
        yield own
        await own.close()


@pytest.fixture
async def name(server: Server) -> AsyncIterator[str]:
    """A collection's name nobody else has; whatever is made under it is dropped after the test."""
    unique = f"test-{uuid4().hex}"
    yield unique
    async with httpx.AsyncClient(base_url=server.url, headers=server.headers) as http:
        listed = (await http.get("/collections")).json()["result"]["collections"]
        for collection in listed:
            if collection["name"].startswith(unique):
                await http.delete(f"/collections/{collection['name']}")


@pytest.fixture
def http(server: Server) -> Iterator[httpx.Client]:
    """Plain HTTP with the key, for what no client would send."""
    with httpx.Client(base_url=server.url, headers=server.headers, timeout=60) as plain:
        yield plain
