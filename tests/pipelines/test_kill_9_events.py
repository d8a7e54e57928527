"""What `POST /v1/events` has acknowledged is counted once, when the web worker and the carrier are killed with signal 9."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from foundation import clients, clock
from foundation.settings import Settings
from foundation.spool import size_of
from tests.pipelines.conftest import TENANT
from tradewind.processes import LOOPBACK, free_port

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

pytestmark = [pytest.mark.embedded, pytest.mark.proof]

PATIENCE = 60.0
HOST = "shop.example"


@dataclass
class Processes:
    """A web worker and a carrier, each of which can be killed."""

    environment: dict[str, str]
    port: int = field(default_factory=free_port)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        web = ["uvicorn", "commerce.app:create_app", "--factory", "--port", str(self.port), "--log-level", "error"]
        arguments = {"web": web, "carrier": ["pipelines.carrier"]}[name]
        self.running[name] = subprocess.Popen([sys.executable, "-m", *arguments], env=os.environ | self.environment)

    def kill(self, name: str) -> None:
        self.running[name].kill()
        self.running[name].wait()


@dataclass
class Visitor:
    """Somebody who goes on sending whatever happens, and knows what was acknowledged. What was not is sent again."""

    address: str
    acknowledged: set[str] = field(default_factory=set)
    sent: set[str] = field(default_factory=set)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        token = ""
        waiting: list[dict[str, Any]] = []
        with httpx.Client(base_url=self.address, headers={"Host": HOST}, timeout=5) as http:
            while not self.stop.wait(0.005):
                waiting = waiting or [_event() for _ in range(5)]
                with suppress(httpx.HTTPError):
                    if not token:
                        opened = http.post("/v1/store/sessions", json={"consent": ["analytics"]}).raise_for_status()
                        token = opened.cookies["tradewind_session"]
                    self.sent |= {event["event_id"] for event in waiting}
                    headers = {"Authorization": f"Bearer {token}"}
                    http.post("/v1/events", json={"events": waiting}, headers=headers).raise_for_status()
                    self.acknowledged |= {event["event_id"] for event in waiting}
                    waiting = []


def _event() -> dict[str, Any]:
    payload = {"items": [{"item_id": str(uuid4())}]}
    return {"event_id": str(uuid4()), "name": "view_item", "occurred_at": clock.now().isoformat(), "payload": payload}


@pytest.fixture
def settings(settings: Settings, tmp_path: Path, database_urls: DatabaseUrls) -> Settings:
    with psycopg.connect(database_urls.owner, autocommit=True) as owner:
        owner.execute("INSERT INTO tenant_domain (tenant_id, host) VALUES (%s, %s)", (TENANT, HOST))
    return settings.model_copy(update={"event_spool": tmp_path / "spool"})


@pytest.fixture
def processes(settings: Settings) -> Iterator[Processes]:
    urls = ("database_url", "database_relay_url", "clickhouse_url", "redis_url")
    told = {f"TRADEWIND_{name.upper()}": settings.require(name, name) for name in urls}
    extra = {"TRADEWIND_EVENT_SPOOL": str(settings.spool), "TRADEWIND_UNLIMITED_NETWORKS": "127.0.0.0/8"}
    processes = Processes({**told, **extra, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))})
    with ExitStack() as stack:
        for name in ("web", "carrier"):
            processes.start(name)
            stack.callback(lambda one=name: processes.kill(one))  # type: ignore[misc]
        yield processes


def test_what_was_acknowledged_is_there_exactly_once_whoever_is_killed(
    processes: Processes, settings: Settings
) -> None:
    visitor = Visitor(f"http://{LOOPBACK}:{processes.port}")
    thread = threading.Thread(target=visitor.run)
    thread.start()
    try:
        for name in ("web", "carrier", "web", "carrier"):
            before = len(visitor.acknowledged)
            _until(lambda before=before: len(visitor.acknowledged) > before + 50)  # type: ignore[misc]
            processes.kill(name)
            processes.start(name)
        _until(lambda: len(visitor.acknowledged) > before + 50)
    finally:
        visitor.stop.set()
        thread.join()
    _until(lambda: size_of(settings.spool) == 0)

    with clients.clickhouse(settings) as client:
        told = [str(row[0]) for row in client.query("SELECT event_id FROM events FINAL").result_rows]
    assert len(visitor.acknowledged) > 250
    assert visitor.acknowledged - set(told) == set()
    assert len(told) == len(set(told))
    assert set(told) <= visitor.sent


def _until(true: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)
