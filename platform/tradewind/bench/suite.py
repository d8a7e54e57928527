"""The benchmarks themselves, each a name, its rows, and what it stands beside."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import orjson

from commerce.catalog import hot
from commerce.catalog import service as catalog
from commerce.catalog.service import all_words
from features.online import OnlineShoppers
from foundation import clock
from foundation.analytics import of_shop
from foundation.progress import silent
from foundation.settings import Settings
from pipelines.relay import wait_until_delivered
from tradewind.bench import pgbench, shop
from tradewind.bench.cpu import Cpu
from tradewind.bench.figures import Figures, figures
from tradewind.bench.load import AGREEING
from tradewind.bench.scripts import read_script
from tradewind.bench.shop import HOST, Shop
from tradewind.processes import LOOPBACK

CLIENTS = (1, 16, 64)
SECONDS = 4
FLOOR_SECONDS = 12
RECORDED = 2
"""Scripts of writes that pgbench runs, and for how long: each connection prepares every statement of each first."""
ROUNDS = 40
"""Additions to a cart that the event lag is taken from."""
PAGE = 24
PATIENCE = 20.0
REST = 1.0
"""Seconds for the consumers behind the relay."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a benchmark: what was measured, and its floor in the same run."""

    what: str
    ours: Figures
    floor: Figures | None = None
    cpu: Cpu | None = None

    @property
    def ratio(self) -> float | None:
        """Our rate as a share of the floor's."""
        return self.ours.per_second / self.floor.per_second if self.floor else None


@dataclass(frozen=True, slots=True)
class Result:
    """A benchmark's rows."""

    name: str
    rows: list[Row]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        rows = [
            {
                "what": row.what,
                "ours": asdict(row.ours),
                "floor": asdict(row.floor) if row.floor else None,
                **({"cpu": asdict(row.cpu)} if row.cpu else {}),
            }
            for row in self.rows
        ]
        return {"name": self.name, "rows": rows}


def run_load(plan: Mapping[str, Any]) -> dict[str, Any]:
    """What `load.run` measured, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tradewind.bench.load"], input=orjson.dumps(plan), stdout=subprocess.PIPE, check=True
    )
    answer: dict[str, Any] = orjson.loads(done.stdout)
    return answer


@dataclass(frozen=True, slots=True)
class Suite:
    """All benchmarks against a running stack."""

    settings: Settings
    store: str
    """The web worker's address."""

    def run(self) -> Iterator[Result]:
        """One benchmark after another."""
        there = Shop.read(self.settings)
        yield self._catalogue(there)
        yield self._checkout(there)
        yield self._event_lag(there)
        yield self._recommendations(there)

    def _catalogue(self, there: Shop) -> Result:
        values = {"tenant_id": there.tenant_id, **catalog.asked_by(there.currency)}
        first = {"after_key": -(2**63), "after_id": "00000000-0000-0000-0000-000000000000", "limit": PAGE}
        searching = {"after_key": None, "after_id": None, "limit": PAGE}
        operations = {
            "product page": (
                [f"/v1/store/products/{handle}" for handle in there.handles],
                [(hot.PRODUCT_BY_HANDLE, {**values, "handle": handle}) for handle in there.handles],
            ),
            "product list": (
                [f"/v1/store/products?limit={PAGE}&category={slug}" for slug in there.categories],
                [(hot.LIST_CATEGORY, {**values, **first, "category": slug}) for slug in there.categories],
            ),
            "search": (
                [f"/v1/store/search?limit={PAGE}&q={words.replace(' ', '+')}" for words in shop.WORDS],
                [(hot.SEARCH_PRODUCTS, {**values, **searching, "query": all_words(w.split())}) for w in shop.WORDS],
            ),
        }
        rows = []
        for what, (paths, reads) in operations.items():
            scripts = [read_script(there.tenant_id, statement, given) for statement, given in reads]
            rows += [self._beside(what, "get", paths, scripts, count) for count in CLIENTS]
        return Result("catalogue", rows)

    def _checkout(self, there: Shop) -> Result:
        asyncio.run(shop.stock_up(self.settings, there))
        recorded = [asyncio.run(shop.record(self.settings, there, variant)) for variant in there.variants[:RECORDED]]
        variants = [str(variant) for variant in there.variants]
        adding, ordering = [one.add_to_cart for one in recorded], [one.place_order for one in recorded]
        rows = [self._beside("add to cart", "add", variants, adding, count) for count in CLIENTS]
        rows += [self._beside("place order", "order", variants, ordering, count) for count in CLIENTS]
        return Result("checkout", rows)

    def _event_lag(self, there: Shop) -> Result:
        """From an event's commit until ClickHouse has it, and until the features know."""
        rows = []
        query = """
            SELECT dateDiff('millisecond', recorded_at, delivered_at) FROM events FINAL
            WHERE tenant_id = {tenant_id:UUID} AND name = 'add_to_cart'
              AND recorded_at > fromUnixTimestamp64Milli({since:Int64}, 'UTC')
        """
        for count in (1, 16):
            since = int(clock.now().timestamp() * 1000)
            load = self._load("add", [str(variant) for variant in there.variants], count)
            time.sleep(PATIENCE / 4)
            with of_shop(self.settings, there.tenant_id) as events:
                found = events.rows(query, {"since": since})
            rows.append(
                Row("event readable in ClickHouse", figures(count, [float(r[0]) for r in found], load["seconds"]))
            )
        rows.append(Row("cart in the online features", asyncio.run(self._freshness(there))))
        return Result("event_lag", rows)

    async def _freshness(self, there: Shop) -> Figures:
        online = OnlineShoppers.connect(self.settings)
        took: list[float] = []
        async with httpx.AsyncClient(base_url=self.store, headers={"Host": HOST}) as browser:
            opened = (await browser.post("/v1/store/sessions", json=AGREEING)).raise_for_status()
            browser.headers["Authorization"] = f"Bearer {opened.cookies['tradewind_session']}"
            visitor_id = UUID(opened.json()["visitor_id"])
            cart = (await browser.post("/v1/store/carts")).raise_for_status().json()["id"]
            for turn in range(ROUNDS):
                line = {"variant_id": str(there.variants[turn % len(there.variants)]), "quantity": 1}
                (await browser.post(f"/v1/store/carts/{cart}/lines", json=line)).raise_for_status()
                started = time.perf_counter()
                while True:
                    known = await online.read(there.tenant_id, visitor_id)
                    if known is not None and len(known.touches) > turn:
                        break
                    if time.perf_counter() - started > PATIENCE:
                        raise TimeoutError("the online features don't follow: is `python -m features.stream` running?")
                    await asyncio.sleep(0.01)
                took.append((time.perf_counter() - started) * 1000)
        await online.close()
        return figures(1, took, sum(took) / 1000)

    def _recommendations(self, there: Shop) -> Result:
        requests = [
            {
                "path": "/v1/decisions/recommendations",
                "body": {
                    "tenant_id": str(there.tenant_id),
                    "placement": "home",
                    "shopper_id": str(one),
                    "deadline_ms": 5000,
                },
            }
            for one in there.shoppers
        ]
        rows = [Row("home", self._figures("post", requests, count, serving=True)) for count in CLIENTS]
        about = [
            {**one, "body": {**one["body"], "placement": "product", "context_product_ids": [str(product)]}}  # type: ignore[dict-item]
            for one, product in zip(requests, there.products, strict=False)
        ]
        rows += [Row("product", self._figures("post", about, count, serving=True)) for count in CLIENTS]
        return Result("recommendations", rows)

    def _beside(self, what: str, kind: str, choices: Sequence[Any], scripts: Sequence[str], count: int) -> Row:
        ours = self._figures(kind, choices, count)
        url = self.settings.require("database_url", "Postgres")
        # No more connections than the web worker's pool has: beyond the cores they only slow Postgres down.
        connections = min(count, self.settings.database_pool_size)
        self._settle()
        row = Row(what, ours, pgbench.run(url, scripts, clients=connections, seconds=FLOOR_SECONDS))
        self._settle()
        return row

    def _settle(self) -> None:
        """Let what the last measurement set off come to rest: its events are delivered on the same cores."""
        wait_until_delivered(self.settings, silent)
        time.sleep(REST)

    def _figures(self, kind: str, choices: Sequence[Any], count: int, *, serving: bool = False) -> Figures:
        load = self._load(kind, choices, count, serving=serving)
        return figures(count, load["milliseconds"], load["seconds"], load["failed"])

    def _load(self, kind: str, choices: Sequence[Any], count: int, *, serving: bool = False) -> dict[str, Any]:
        address = self.settings.require("serving_url", "The decision service") if serving else self.store
        plan = {**self._target(address), "kind": kind, "choices": choices, "clients": count, "seconds": SECONDS}
        return run_load(plan)

    def _target(self, address: str) -> Mapping[str, Any]:
        parts = urlsplit(address)
        headers = {"Host": HOST}
        if address == self.settings.serving_url and self.settings.serving_token:
            headers["Authorization"] = f"Bearer {self.settings.serving_token.get_secret_value()}"
        host = LOOPBACK if parts.hostname == "localhost" else parts.hostname
        return {"connect": host, "port": parts.port, "headers": headers}
