"""Hundreds of clients that are slow on purpose, and one that wants to be served meanwhile."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from foundation import receiving
from tests.conftest import DatabaseUrls
from tests.factories import SeededShop, seed_shop
from tradewind import migrations
from tradewind.bench.figures import percentile
from tradewind.engines.postgres import APP, OWNER, RELAY, THROWAWAY, PostgresServer
from tradewind.processes import LOOPBACK, free_port, spawn, stop, tail
from tradewind.stack.service import answers_http, python

SOCKETS = 300
CALM_SECONDS = 5.0
SLACK_SECONDS = 3.0
WORST = 5.0
"""How much slower at most a request may be meanwhile, at its p95; the machine's own noise is in it."""
HEAD = b"POST /v1/store/carts HTTP/1.1\r\nHost: grocer.localhost\r\n"
BODY = HEAD + b"Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
KINDS = {
    "silent": (b"", b""),
    "drips its head": (HEAD, b"X-A: b\r\n"),
    "drips its body": (BODY, b" "),
}
"""What is sent at once, and what every second after."""


def attack(folder: Path) -> dict[str, Any]:
    """300 sockets of each kind: how many are open still after they should be closed, and what others notice."""
    with _worker(folder) as (port, shop):
        return asyncio.run(_attack(port, shop))


async def _attack(port: int, shop: SeededShop) -> dict[str, Any]:
    figures: dict[str, Any] = {"sockets": SOCKETS, "kinds": {}, "wrong": []}
    calm = await _served(port, shop, CALM_SECONDS)
    figures["p95_ms_alone"] = round(percentile(sorted(calm), 0.95), 1)
    for kind, (first, drip) in KINDS.items():
        clients = [asyncio.create_task(_slow(port, first, drip)) for _ in range(SOCKETS)]
        patience = max(receiving.HEAD_SECONDS, receiving.BODY_SECONDS) + SLACK_SECONDS
        meanwhile = await _served(port, shop, patience)
        still_open = sum(not client.done() for client in clients)
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
        p95 = round(percentile(sorted(meanwhile), 0.95), 1)
        figures["kinds"][kind] = {"open_after": still_open, "after_seconds": patience, "p95_ms_of_others": p95}
        if still_open:
            figures["wrong"].append(f"{still_open} of {SOCKETS} sockets of a client that {kind} are still open")
        if p95 > WORST * figures["p95_ms_alone"]:
            figures["wrong"].append(f"others wait {p95} ms while a client {kind}")
    return figures


async def _slow(port: int, first: bytes, drip: bytes) -> None:
    """Hold a connection for as long as it is let."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    gone = asyncio.create_task(reader.read())
    try:
        writer.write(first)
        while not gone.done():
            await asyncio.wait({gone}, timeout=1.0)
            if drip and not gone.done():
                writer.write(drip)
                await writer.drain()
    except ConnectionError:
        return
    finally:
        gone.cancel()
        writer.close()


async def _served(port: int, shop: SeededShop, seconds: float) -> list[float]:
    """Milliseconds of each request that somebody makes one after another."""
    taken = []
    until = time.monotonic() + seconds
    async with httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{port}", headers={"Host": shop.host}) as http:
        while time.monotonic() < until:
            began = time.perf_counter()
            response = await http.get("/v1/store/products?limit=3")
            response.raise_for_status()
            taken.append(1000 * (time.perf_counter() - began))
            await asyncio.sleep(0.05)
    return taken


@contextmanager
def _worker(folder: Path) -> Iterator[tuple[int, SeededShop]]:
    """A web worker as the stack starts it, over a shop."""
    with PostgresServer(folder / "postgres", settings=THROWAWAY) as server:
        migrations.upgrade(server.url(OWNER))
        shop = seed_shop(DatabaseUrls(server.url(APP), server.url(OWNER), server.url(RELAY)), "grocer")
        port, log = free_port(), folder / "web.log"
        where = ("--host", LOOPBACK, "--port", str(port), "--http", receiving.PROTOCOL, "--no-access-log")
        environment = {"TRADEWIND_DATABASE_URL": server.url(APP), "TRADEWIND_CATALOGUE_CACHE_MB": "0"}
        root = Path(__file__).parents[2]
        environment["PYTHONPATH"] = f"{root}:{root / 'platform'}"
        process = spawn(
            python("uvicorn", "tradewind.web:app", *where, environment=environment, directory=folder)(), log
        )
        try:
            deadline = time.monotonic() + 60
            while not answers_http(port, "/healthz")():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the worker did not come up:\n{tail(log)}")
                time.sleep(0.1)
            yield port, shop
        finally:
            stop(process, signal.SIGTERM, patience=10)
