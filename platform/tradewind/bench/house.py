"""The data platform by itself: engines, web workers and consumers of our own, and a shop that is made up."""

from __future__ import annotations

import asyncio
import base64
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from pydantic import SecretStr

from foundation import clock
from foundation.database import Database
from foundation.ids import new_id
from foundation.settings import Settings
from pipelines.carrier import backlog
from tradewind import migrations
from tradewind.bench import cpu
from tradewind.bench.core import BOUGHT, search_path, worker
from tradewind.bench.load import AGREEING
from tradewind.bench.made import PRODUCT, VARIANT, VARIANTS, MadeShop
from tradewind.bench.shop import HOST
from tradewind.engines.postgres import APP, DATABASE, OWNER, RELAY, SUPERUSER, PostgresServer
from tradewind.engines.valkey import ValkeyServer
from tradewind.errors import StackError
from tradewind.processes import LOOPBACK, free_port, spawn, stop, tail
from tradewind.stack.service import answers_http, python

BATCH = 50
BODIES = 64
VISITORS = 32
PATIENCE = 60.0
USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CONSUMERS = {"carrier": "pipelines.carrier", "relay": "pipelines.relay", "features": "features.stream"}


class ConsumerFailed(StackError):
    """A process of the data platform did not come up; the message ends with its last words."""


class Behind(StackError):
    """What was taken was not carried on in time."""

    def __init__(self) -> None:
        super().__init__(
            f"Events have waited for more than {PATIENCE:.0f} s: see the logs of the carrier and the relay."
        )


@dataclass(slots=True)
class House:
    """All that is measured, while it runs."""

    settings: Settings
    made: MadeShop
    ports: Sequence[int]
    pids: Mapping[str, Sequence[int]]
    """The processes by what they are."""
    folder: Path
    seconds: int
    visitors: Sequence[tuple[str, UUID]]
    """Sessions' tokens, and whose they are."""

    def plan(self, kind: str, choices: Sequence[Any], count: int, **given: Any) -> dict[str, Any]:
        """What the load is to do."""
        headers = {"Host": HOST, "User-Agent": USER_AGENT}
        target = {"connect": LOOPBACK, "ports": list(self.ports), "headers": headers}
        return {**target, "kind": kind, "choices": choices, "clients": count, "seconds": self.seconds, **given}

    def batches(self, size: int = BATCH) -> list[dict[str, Any]]:
        """Requests with events of several visitors."""
        found = []
        for number in range(BODIES):
            token, _ = self.visitors[number % len(self.visitors)]
            body = {"events": [seen(number * size + place) for place in range(size)]}
            found.append({"path": "/v1/events", "body": body, "headers": f"Authorization: Bearer {token}\r\n"})
        return found

    def used(self) -> dict[str, float]:
        """Seconds of a processor so far, by what used them."""
        return {name: cpu.seconds(pids) for name, pids in self.pids.items()}

    def settle(self) -> None:
        """Wait until all that was taken has been carried on.

        Raises:
            Behind: it takes too long.
        """
        until = time.monotonic() + PATIENCE
        while backlog(self.settings).bytes:
            if time.monotonic() > until:
                raise Behind
            time.sleep(0.1)


def seen(number: int) -> dict[str, Any]:
    """One event, of the kinds and about in the shares in which a shop has them."""
    product, variant = str(PRODUCT.id(number % BOUGHT)), str(VARIANT.id(number % BOUGHT * VARIANTS))
    item = {"item_id": product, "variant_id": variant, "quantity": 1, "price": 199}
    name = ("view_item", "view_item", "view_item_list", "add_to_cart", "select_item")[number % 5]
    shown = [{**item, "index": place} for place in range(6)] if name == "view_item_list" else [item]
    payload = {"items": shown, "currency": "USD", "value": 199}
    return {"event_id": str(new_id()), "name": name, "occurred_at": clock.now().isoformat(), "payload": payload}


async def arrive(browser: httpx.AsyncClient) -> tuple[str, UUID]:
    """Open a session of somebody who agrees to be recorded: its token, and who they are."""
    opened = (await browser.post("/v1/store/sessions", json=AGREEING)).raise_for_status()
    browser.cookies.clear()
    return opened.cookies["tradewind_session"], UUID(opened.json()["visitor_id"])


@contextmanager
def running(folder: Path, *, products: int, seconds: int, workers: int) -> Iterator[House]:
    """Everything in `folder`, until the block ends; then it is removed.

    Raises:
        ServerFailed, WorkerFailed, ConsumerFailed: something did not come up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres = stack.enter_context(PostgresServer(folder / "postgres", log=folder / "postgres.log"))
        valkey = stack.enter_context(ValkeyServer(folder / "valkey", log=folder / "valkey.log"))
        migrations.upgrade(postgres.url(OWNER))
        made = MadeShop(postgres.url(SUPERUSER, DATABASE), postgres.url(OWNER), products)
        made.load()
        clickhouse_url, clickhouse = _clickhouse(stack, folder)
        settings = Settings(
            _env_file=None,
            var_dir=folder,
            database_url=SecretStr(postgres.url(APP)),
            database_relay_url=SecretStr(postgres.url(RELAY)),
            redis_url=SecretStr(valkey.url()),
            clickhouse_url=SecretStr(clickhouse_url),
        )
        asyncio.run(_open_for_orders(settings, made))
        environment = _environment(settings)
        pids: dict[str, Sequence[int]] = {"postgres": [postgres.pid or 0], "clickhouse": [clickhouse]}
        for name, module in CONSUMERS.items():
            pids[name] = [consumer(stack, folder, name, module, environment=environment)]
        ports = [free_port() for _ in range(workers)]
        also = {**environment, "TRADEWIND_UNLIMITED_NETWORKS": "127.0.0.0/8"}
        pids["api"] = [stack.enter_context(worker(folder, port, settings, also)) for port in ports]
        visitors = asyncio.run(_visitors(ports[0]))
        yield House(settings, made, ports, pids, folder, seconds, visitors)


def consumer(
    stack: ExitStack,
    folder: Path,
    name: str,
    *arguments: str,
    environment: Mapping[str, str],
    ready: Callable[[], bool] | None = None,
) -> int:
    """Start `python -m arguments` until the stack of contexts ends; its process id.

    Raises:
        ConsumerFailed: it did not come up.
    """
    log = folder / f"{name}.log"
    process = spawn(python(*arguments, environment=environment, directory=folder)(), log)
    stack.callback(stop, process, signal.SIGTERM, patience=10)
    _wait(process, ready, log)
    return process.pid


def _wait(process: subprocess.Popen[bytes], ready: Callable[[], bool] | None, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while ready is not None and not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise ConsumerFailed(f"{log.stem} did not come up:\n{tail(log)}")
        time.sleep(0.05)


def _clickhouse(stack: ExitStack, folder: Path) -> tuple[str, int]:
    password, port = secrets.token_hex(16), free_port()
    file = folder / "clickhouse.password"
    file.touch(mode=0o600)
    file.write_text(password)
    where = ("--path", str(folder / "clickhouse"), "--host", LOOPBACK, "--port", str(port))
    arguments = (
        "tradewind.engines.clickhouse",
        *where,
        "--user",
        "bench",
        "--password-file",
        str(file),
        "--threads",
        "2",
    )
    environment = {"PYTHONPATH": search_path()}
    (folder / "clickhouse").mkdir(exist_ok=True)
    pid = consumer(stack, folder, "clickhouse", *arguments, environment=environment, ready=answers_http(port, "/ping"))
    return f"http://bench:{password}@{LOOPBACK}:{port}/default", pid


def _environment(settings: Settings) -> dict[str, str]:
    """What the processes of the house are told."""
    urls = ("database_url", "database_relay_url", "redis_url", "clickhouse_url")
    told = {f"TRADEWIND_{name.upper()}": settings.require(name, name) for name in urls}
    # What an address is sealed with, for as long as the house stands.
    keys = {"TRADEWIND_ENCRYPTION_KEYS": f"bench:{_key()}", "TRADEWIND_INDEX_KEY": _key()}
    return {**told, **keys, "TRADEWIND_VAR_DIR": str(settings.var_dir), "PYTHONPATH": search_path()}


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


async def _open_for_orders(settings: Settings, made: MadeShop) -> None:
    database = Database.of(settings, pool_size=1)
    await made.open_for_orders(database)
    await database.close()


async def _visitors(port: int) -> list[tuple[str, UUID]]:
    headers = {"Host": HOST, "User-Agent": USER_AGENT}
    async with httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{port}", headers=headers) as browser:
        return [await arrive(browser) for _ in range(VISITORS)]
