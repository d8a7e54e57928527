"""What the relay promises holds when any process on the way is killed with signal 9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from foundation.ids import new_id
from pipelines.outbox import lag
from tests.engines.clickhouse_server import ClickHouseGateway, query
from tests.pipelines.conftest import TENANT, Writer
from tradewind import migrations
from tradewind.engines.postgres import APP, OWNER, RELAY, PostgresServer
from tradewind.engines.valkey import ValkeyServer

pytestmark = [pytest.mark.embedded, pytest.mark.proof]

PATIENCE = 90.0


@dataclass
class House:
    """The engines and the relay between them, each of which can be killed."""

    postgres: PostgresServer
    gateway: ClickHouseGateway
    valkey: ValkeyServer
    relay: subprocess.Popen[bytes] | None = None

    def start_relay(self) -> None:
        environment = os.environ | {
            "TRADEWIND_DATABASE_RELAY_URL": self.postgres.url(RELAY),
            "TRADEWIND_CLICKHOUSE_URL": self.gateway.url,
            "TRADEWIND_REDIS_URL": self.valkey.url(),
        }
        self.relay = subprocess.Popen([sys.executable, "-m", "pipelines.relay"], env=environment)

    def kill_relay(self) -> None:
        assert self.relay is not None
        self.relay.kill()
        self.relay.wait()

    def delivered(self) -> int:
        with suppress(RuntimeError):
            return int(query(self.gateway.url, "SELECT count() FROM events"))
        return 0

    def behind(self) -> int:
        with psycopg.connect(self.postgres.url(RELAY)) as connection:
            return lag(connection).rows


@dataclass
class Traffic:
    """A writer that goes on whatever happens, and knows what was committed."""

    url: str
    committed: set[UUID] = field(default_factory=set)
    unsure: set[UUID] = field(default_factory=set)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.stop.is_set():
            with suppress(psycopg.Error), psycopg.connect(self.url) as connection:
                self._write(Writer(connection))

    def _write(self, writer: Writer) -> None:
        while not self.stop.wait(0.005):
            events = {writer.write(shopper_id=new_id()) for _ in range(3)}
            try:
                writer.connection.commit()
            except psycopg.Error:
                self.unsure |= events
                raise
            self.committed |= events


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with ExitStack() as stack:
        postgres = stack.enter_context(PostgresServer(tmp_path / "postgres"))
        valkey = stack.enter_context(ValkeyServer(tmp_path / "valkey"))
        (tmp_path / "clickhouse").mkdir()
        gateway = ClickHouseGateway(tmp_path / "clickhouse")
        gateway.start()
        stack.callback(gateway.stop)
        migrations.upgrade(postgres.url(OWNER))
        with psycopg.connect(postgres.url(OWNER)) as owner:
            owner.execute("INSERT INTO tenant (id, slug, name, currency) VALUES (%s, 'a', 'A', 'USD')", (TENANT,))
        house = House(postgres, gateway, valkey)
        house.start_relay()
        stack.callback(house.kill_relay)
        yield house


def test_every_fact_is_there_exactly_once_whoever_is_killed(house: House) -> None:
    traffic = Traffic(house.postgres.url(APP))
    thread = threading.Thread(target=traffic.run)
    thread.start()
    try:
        for kill in (_kill_relay, _kill_gateway, _kill_postgres, _kill_valkey):
            _until(_grows(house))
            kill(house)
    finally:
        traffic.stop.set()
        thread.join()
    _until(lambda: house.behind() == 0)

    told = query(house.gateway.url, "SELECT event_id FROM events FINAL").split()
    delivered = {UUID(event) for event in told}
    assert len(told) == len(delivered)
    assert len(traffic.committed) > 50
    assert traffic.committed - delivered == set()
    assert delivered - traffic.committed <= traffic.unsure
    assert query(house.gateway.url, "SELECT count() FROM interactions FINAL").strip() == str(len(delivered))


def _grows(house: House) -> Callable[[], bool]:
    before = house.delivered()
    return lambda: house.delivered() > before


def _kill_relay(house: House) -> None:
    house.kill_relay()
    house.start_relay()


def _kill_gateway(house: House) -> None:
    house.gateway.stop(signal.SIGKILL)
    house.gateway.start()


def _kill_postgres(house: House) -> None:
    house.postgres.kill()
    house.postgres.start()


def _kill_valkey(house: House) -> None:
    house.valkey.kill()
    house.valkey.start()


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)
