"""The shop's processes and engines, each of which can be killed and comes back."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.chaos.clocked import ClockFile
from tests.chaos.wire import Wire
from tests.engines.clickhouse_server import ClickHouseGateway
from tradewind import migrations
from tradewind.engines.postgres import APP, OWNER, RELAY, PostgresServer
from tradewind.engines.valkey import ValkeyServer
from tradewind.passwords import Passwords
from tradewind.processes import free_port

ROOT = Path(__file__).parents[2]
DISK = "700M"
SETTINGS: Mapping[str, str] = {"max_wal_size": "128MB", "min_wal_size": "64MB", "shared_buffers": "64MB"}


class Process:
    """One of our own processes, started again whenever it is gone."""

    def __init__(self, name: str, command: list[str], environment: Mapping[str, str], folder: Path) -> None:
        self.name, self.deaths = name, 0
        self._command, self._environment, self._folder = command, environment, folder
        self._running: subprocess.Popen[bytes] | None = None

    def keep(self) -> None:
        """Start it unless it runs; a death nobody ordered is counted."""
        if self._running is not None and self._running.poll() is None:
            return
        if self._running is not None:
            self.deaths += 1
        with (self._folder / f"{self.name}.log").open("ab") as log:
            self._running = subprocess.Popen(
                [sys.executable, *self._command], env=self._environment, cwd=self._folder, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._running is not None:
            self._running.kill()
            self._running.wait()
            self._running = None


class House:
    """Everything that runs."""

    def __init__(self, folder: Path, disk: Path) -> None:
        self.folder, self.disk = folder, disk
        self.clock = ClockFile(folder / "clock")
        passwords = Passwords(folder / "passwords.json")
        self.postgres = PostgresServer(
            disk / "postgres", passwords=passwords, log=folder / "postgres.log", settings=SETTINGS
        )
        self.valkey = ValkeyServer(folder / "valkey", passwords=passwords, log=folder / "valkey.log")
        (folder / "clickhouse").mkdir()
        self.clickhouse = ClickHouseGateway(folder / "clickhouse")
        self.ports = [free_port(), free_port()]
        self.wire = Wire(0)
        self.processes: dict[str, Process] = {}
        self._keeping: asyncio.Task[None] | None = None

    @property
    def small_disk(self) -> bool:
        """Whether the disk is one of its own, that can be filled."""
        return self.disk != self.folder

    async def open(self) -> None:
        """Start the engines and the migrated database; the processes come with `staff_it`."""
        await asyncio.to_thread(self._engines)
        self.wire.target = self.postgres.port
        await self._declare(await self.wire.start())

    def _engines(self) -> None:
        self.postgres.start()
        self.valkey.start()
        self.clickhouse.start()
        migrations.upgrade(self.postgres.url(OWNER))

    async def _declare(self, port: int) -> None:
        def wired(role: str) -> str:
            return self.postgres.url(role).replace(f":{self.postgres.port}/", f":{port}/")

        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "platform"))),
            "TRADEWIND_DATABASE_URL": wired(APP),
            "TRADEWIND_DATABASE_RELAY_URL": wired(RELAY),
            "TRADEWIND_CLICKHOUSE_URL": self.clickhouse.url,
            "TRADEWIND_REDIS_URL": self.valkey.url(),
            "TRADEWIND_UNLIMITED_NETWORKS": "127.0.0.0/8",
            "OMP_NUM_THREADS": "1",
        }
        clocked = ["-m", "tests.chaos.clocked", str(self.clock.path)]
        for name, command in {
            "web-0": [*clocked, "web", str(self.ports[0])],
            "web-1": [*clocked, "web", str(self.ports[1])],
            "worker": [*clocked, "worker"],
            "relay": ["-m", "pipelines.relay"],
        }.items():
            self.processes[name] = Process(name, command, environment, self.folder)

    async def staff_it(self) -> None:
        """Start our own processes, and keep them running."""

        async def keep() -> None:
            while True:
                for process in self.processes.values():
                    process.keep()
                await asyncio.sleep(0.2)

        self._keeping = asyncio.create_task(keep())

    async def close(self) -> None:
        """Stop all of it."""
        if self._keeping is not None:
            self._keeping.cancel()
        for process in self.processes.values():
            process.kill()
        await self.wire.stop()
        await asyncio.to_thread(self._stop_engines)

    def _stop_engines(self) -> None:
        self.clickhouse.stop()
        self.valkey.stop()
        self.postgres.stop()


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk that can be filled, where we may make one (root on Linux); `folder` itself elsewhere."""
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=755", "tmpfs", str(disk)]
    if sys.platform != "linux" or os.geteuid() != 0 or subprocess.run(mount, check=False).returncode:
        yield folder
        return
    with ExitStack() as stack:
        stack.callback(subprocess.run, ["umount", "-l", str(disk)], check=False)
        yield disk
