"""A ClickHouse for any test: the server that `TRADEWIND_TEST_CLICKHOUSE_URL` names, or the embedded one in a process.

`tests/conftest.py` makes the fixtures known everywhere.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from tradewind.processes import free_port

SERVER_URL = os.environ.get("TRADEWIND_TEST_CLICKHOUSE_URL")
USER, PASSWORD = "tester", "open-sesame"
READER, READER_PASSWORD = "tradewind_reader", "only-mine"


@dataclass
class ClickHouseGateway:
    """The embedded ClickHouse as a process over one directory."""

    directory: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{USER}:{PASSWORD}@127.0.0.1:{self.port}/default"

    @property
    def http(self) -> str:
        """Its address for plain HTTP, login included."""
        return self.url.removesuffix("/default")

    def spawn(self, *options: str) -> subprocess.Popen[bytes]:
        """Start a process on the directory, and don't wait until it answers."""
        password = self.directory / "password"
        password.write_text(PASSWORD + "\n")
        command = [sys.executable, "-m", "tradewind.engines.clickhouse", "--path", str(self.directory / "data")]
        command += ["--port", str(self.port), "--user", USER, "--password-file", str(password)]
        of_reader = self.directory / "reader"
        of_reader.write_text(READER_PASSWORD + "\n")
        command += ["--reader", READER, "--reader-password-file", str(of_reader)]
        with self.log.open("ab") as log:
            return subprocess.Popen([*command, *options], stderr=log)

    @property
    def log(self) -> Path:
        """Where its processes write what they have to say."""
        return self.directory / "log"

    def start(self) -> None:
        self.process = self.spawn("--threads", "2")
        while self.process.poll() is None:
            with suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{self.port}/ping").text == "Ok.\n":
                    return
            time.sleep(0.02)
        raise RuntimeError(f"the gateway left with {self.process.returncode}: {self.log.read_text()}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal, and give its exit status."""
        assert self.process is not None
        self.process.send_signal(how)
        status = self.process.wait(timeout=30)
        self.process = None
        return status


def query(url: str, statement: str) -> str:
    """Run one statement at a ClickHouse URL, in the database that its path names."""
    address = urlsplit(url)
    answer = httpx.post(
        f"{address.scheme}://{address.hostname}:{address.port}/",
        params={"database": address.path.lstrip("/") or "default"},
        auth=(address.username or "default", address.password or ""),
        content=statement,
        timeout=60,
    )
    if answer.status_code != 200:
        raise RuntimeError(answer.text)
    return answer.text


@pytest.fixture(scope="session")
def clickhouse_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The worker's ClickHouse, `http://user:password@host:port/default`."""
    if SERVER_URL:
        yield SERVER_URL
        return
    gateway = ClickHouseGateway(tmp_path_factory.mktemp("clickhouse"))
    gateway.start()
    yield gateway.url
    gateway.stop()


@pytest.fixture
def clickhouse_database(clickhouse_url: str) -> Iterator[str]:
    """The URL of a database of the test's own, empty, dropped after; its name is the URL's path."""
    name = f"test_{uuid4().hex}"
    query(clickhouse_url, f"CREATE DATABASE {name}")
    yield clickhouse_url.rsplit("/", 1)[0] + f"/{name}"
    query(clickhouse_url, f"DROP DATABASE {name} SYNC")
