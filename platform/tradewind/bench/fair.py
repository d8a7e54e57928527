"""What a quiet shop notices of a noisy one on the same workers: its p95 alone, and while the other is at ten times its
limit.

The quiet shop is asked at an even pace and counted from when each request was due, so that waiting is not left out. It
is measured beside a noisy shop four times: with everything on; with rates alone; with shares alone; with neither. Both
shops are asked for lists of a department, read from Postgres each time, since what is kept of the catalogue is turned
off.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from commerce.plans import service as plans
from commerce.plans.catalogue import PROFESSIONAL
from foundation.database import Database
from foundation.settings import Settings
from tradewind import migrations
from tradewind.bench import made
from tradewind.bench.core import worker
from tradewind.bench.figures import Figures, figures
from tradewind.bench.made import MadeShop
from tradewind.bench.suite import PAGE, run_load
from tradewind.data.tenants import FASHION, GROCER, Shop
from tradewind.engines.postgres import APP, DATABASE, OWNER, SUPERUSER, PostgresServer
from tradewind.engines.valkey import ValkeyServer
from tradewind.processes import LOOPBACK, free_port

QUIET_A_SECOND = 20
QUIET_CLIENTS = 16
TIMES = 10
"""How often over its limit the noisy shop is asked."""
NOISY_CLIENTS = 200
ADDRESSES = 2_000
"""Where the noisy shop's shoppers are: enough that none of them is over a limit of their own."""
HEAD_START = 6.0
"""Seconds that the noise goes on before and after the quiet shop is measured: its burst is over by then."""
WITHOUT_RATES = {"TRADEWIND_UNLIMITED_NETWORKS": "0.0.0.0/0"}
WITHOUT_SHARES = {"TRADEWIND_PLACES": "1000", "TRADEWIND_PLACES_EACH": "1000", "TRADEWIND_QUEUE_SECONDS": "60"}
GUARDS: Mapping[str, Mapping[str, str]] = {
    "limits and shares": {},
    "limits alone": WITHOUT_SHARES,
    "shares alone": WITHOUT_RATES,
    "neither": WITHOUT_RATES | WITHOUT_SHARES,
}


@dataclass(frozen=True, slots=True)
class Noise:
    """What became of the noisy shop's requests: so many offered a second, answered, and refused."""

    offered: float
    answered: float
    refused: float


@dataclass(frozen=True, slots=True)
class Row:
    """The quiet shop alone and beside the noisy one, with some guards."""

    guards: str
    alone: Figures
    beside: Figures
    noise: Noise


@dataclass(frozen=True, slots=True)
class Fair:
    """The shops and their workers, while they are measured."""

    ports: Sequence[int]
    seconds: float
    limit: float

    def measure(self, guards: str) -> Row:
        """The quiet shop alone, then beside the noisy one."""
        alone = self._quiet()
        with ThreadPoolExecutor(1) as pool:
            noise = pool.submit(run_load, self._noise())
            time.sleep(HEAD_START)
            beside = self._quiet()
            return Row(guards, alone, beside, _became(noise.result()))

    def _quiet(self) -> Figures:
        load = run_load(self._plan(FASHION, QUIET_CLIENTS, self.seconds, QUIET_A_SECOND))
        return figures(QUIET_CLIENTS, load["milliseconds"], load["seconds"], load["failed"])

    def _noise(self) -> dict[str, Any]:
        return self._plan(GROCER, NOISY_CLIENTS, self.seconds + 2 * HEAD_START, self.limit * TIMES)

    def _plan(self, shop: Shop, clients: int, seconds: float, per_second: float) -> dict[str, Any]:
        paths = [
            f"/v1/store/products?limit={PAGE}&category=department-{n % made.DEPARTMENTS}" for n in range(ADDRESSES)
        ]
        return {
            "connect": LOOPBACK,
            "ports": list(self.ports),
            "headers": {"Host": shop.hosts[-1]},
            "kind": "get",
            "choices": paths,
            "addresses": [f"10.0.{n // 250}.{n % 250}" for n in range(ADDRESSES)],
            "clients": clients,
            "seconds": seconds,
            "per_second": per_second,
        }


def _became(load: Mapping[str, Any]) -> Noise:
    statuses, took = load["statuses"], load["seconds"]
    return Noise(*(count / took for count in (load["operations"], statuses.get("200", 0), statuses.get("429", 0))))


def measure(folder: Path, *, products: int, seconds: float, workers: int) -> Iterator[Row]:
    """Start everything in `folder`, measure with one set of guards after another, and take it down again.

    Raises:
        ServerFailed, WorkerFailed: something did not come up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        server = stack.enter_context(PostgresServer(folder / "postgres", log=folder / "postgres.log"))
        valkey = stack.enter_context(ValkeyServer(folder / "valkey", log=folder / "valkey.log"))
        migrations.upgrade(server.url(OWNER))
        for shop in (GROCER, FASHION):
            MadeShop(server.url(SUPERUSER, DATABASE), server.url(OWNER), products, shop).load()
        settings = Settings(_env_file=None, database_url=SecretStr(server.url(APP)))
        asyncio.run(_subscribe(settings))
        environment = {
            "TRADEWIND_REDIS_URL": valkey.url(),
            "TRADEWIND_TRUSTED_PROXIES": f"{LOOPBACK}/32",
            "TRADEWIND_CATALOGUE_CACHE_MB": "0",
        }
        for guards, also in GUARDS.items():
            with ExitStack() as serving:
                ports = [free_port() for _ in range(workers)]
                for port in ports:
                    serving.enter_context(worker(folder, port, settings, {**environment, **also}))
                yield Fair(ports, seconds, PROFESSIONAL.requests.per_second).measure(guards)


async def _subscribe(settings: Settings) -> None:
    """The noisy shop has a plan that allows a good part of what the workers can do."""
    database = Database.of(settings, pool_size=1)
    async with database.tx(GROCER.id) as tx:
        await plans.put(tx, PROFESSIONAL.code)
    await database.close()


def to_json(rows: Sequence[Row], *, products: int, workers: int) -> dict[str, Any]:
    """Plain values."""
    return {
        "name": "fair",
        "rows": [asdict(row) for row in rows],
        "limit": PROFESSIONAL.requests.per_second,
        "times": TIMES,
        "quiet_a_second": QUIET_A_SECOND,
        "products": products,
        "workers": workers,
    }
