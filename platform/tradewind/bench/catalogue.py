"""A large catalogue: pages, lists with facets, searches and suggestions, on a stack of its own.

Each call is measured through the API, and beside it what it could not be faster than: a product's page beside pgbench
running the same statement, what the decision service decides beside the service asked alone.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import UUID

import httpx
import psutil
import psycopg

from commerce.catalog import hot
from commerce.catalog import service as catalog
from foundation.database import TENANT_SETTING
from foundation.progress import Progress
from foundation.search import PRICE
from foundation.settings import Settings
from serving import suggestion_building
from serving.search_index import SearchIndex
from tradewind.bench import looks, pgbench
from tradewind.bench.figures import Figures, figures
from tradewind.bench.looks import Pictures
from tradewind.bench.scripts import read_script
from tradewind.bench.suite import CLIENTS, FLOOR_SECONDS, PAGE, Row, run_load
from tradewind.data.multiplied import BAZAAR, load_multiplied
from tradewind.errors import StackError
from tradewind.processes import LOOPBACK
from tradewind.stack.site import FILE
from tradewind.stack.state import StackState
from tradewind.stack.up import down, up_detached

SERVICES = ("web", "serving", "search")
HOST = BAZAAR.hosts[0]
DEADLINE_MS = 5_000
"""The service alone says how long an answer takes; a deadline would make it a fallback."""
CHANGED = 10
"""Products whose price is changed, one after another, to see how soon a search knows."""
MOST_PICTURED = 100_000
"""Products that are given pictures: their vectors, uncut, take 5 KB each in Qdrant."""
CEILINGS = range(200, 6200, 60)
"""Prices in minor units that a category is looked at below: so many addresses that few are asked for twice."""
MIB = 2**20
PATIENCE = 120.0
INSTEAD = '"fallback":"'
"""What an answer says when something else is shown than what looks alike, for it came too late: counted as failed."""

_PRODUCTS = "SELECT handle FROM product WHERE status = 'published' ORDER BY md5(handle) LIMIT 2000"
_CATEGORIES = "SELECT id, slug FROM category WHERE product_count > 0 ORDER BY product_count DESC LIMIT 60"
_QUERIES = "SELECT DISTINCT split_part(title, ',', 1) FROM (SELECT title FROM product LIMIT 20000) AS of ORDER BY 1"
_PICTURED = "SELECT id FROM product WHERE status = 'published' ORDER BY md5(handle) LIMIT %s"
_COUNTED = "SELECT count(*) FROM product WHERE status = 'published'"
# A product is found by what its cheapest variant costs.
_VARIANTS = """
    SELECT p.id, v.sku, r.amount FROM product p
    JOIN variant v ON (v.tenant_id, v.product_id) = (p.tenant_id, p.id)
    JOIN price r ON (r.tenant_id, r.variant_id) = (v.tenant_id, v.id)
    WHERE NOT EXISTS (SELECT FROM variant o WHERE (o.tenant_id, o.product_id) = (p.tenant_id, p.id) AND o.id <> v.id)
    ORDER BY md5(p.handle) DESC LIMIT %s
"""
_OPENINGS = 3, 5, 8
"""How much of a query has been typed when completions are asked for, in letters."""


class CommandFailed(StackError):
    """What a command wrote says why."""


class NotServed(StackError):
    """The decision service did not learn of the index."""

    def __init__(self) -> None:
        super().__init__("The decision service knows no index of the bazaar: see the log of `serving`.")


@dataclass(frozen=True, slots=True)
class Memory:
    """What the processes hold of the catalogue, in MiB."""

    building: float
    """The most that building the index took."""
    serving: float
    web: float
    qdrant: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that was measured."""

    products: int
    loaded_in: float | None
    """Seconds; `None` where the catalogue was there from an earlier run."""
    built_in: float
    encoded_in: float | None
    """Seconds until every product was found by its meaning; `None` where that was not waited for."""
    memory: Memory
    rows: Sequence[Row]
    freshness: Figures
    pictures: int = 0
    """Vectors of pictures that were looked through; none where there was no folder of pictures."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"name": f"catalogue-{self.products}", **asdict(self)}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for."""

    handles: Sequence[str]
    categories: Sequence[tuple[UUID, str]]
    queries: Sequence[str]
    variants: Sequence[tuple[UUID, str, int]]
    pictured: Sequence[UUID]
    """The products that are given pictures; those that are asked for are among them."""

    @classmethod
    def read(cls, settings: Settings) -> Asked:
        """Some of everything, the same each time."""
        with psycopg.connect(settings.require("database_url", "Postgres")) as connection:
            connection.execute("SELECT set_config(%s, %s, false)", (TENANT_SETTING, str(BAZAAR.id)))
            return cls(
                [handle for (handle,) in connection.execute(_PRODUCTS)],
                connection.execute(_CATEGORIES).fetchall(),
                [query for (query,) in connection.execute(_QUERIES)],
                connection.execute(_VARIANTS, (CHANGED,)).fetchall(),
                [product for (product,) in connection.execute(_PICTURED, (MOST_PICTURED,))],
            )

    @property
    def openings(self) -> list[str]:
        """Beginnings of queries, as they are typed."""
        return sorted({query[:typed] for query in self.queries for typed in _OPENINGS if len(query) > typed})


@dataclass(frozen=True, slots=True)
class Measuring:
    """A running stack that has the bazaar."""

    settings: Settings
    store: str
    seconds: int

    def rows(self, asked: Asked) -> Iterator[Row]:
        """One call after another, each at every number of clients."""
        values = {"tenant_id": BAZAAR.id, **catalog.asked_by(BAZAAR.currency)}
        scripts = [
            read_script(BAZAAR.id, hot.PRODUCT_BY_HANDLE, {**values, "handle": one}) for one in asked.handles[:128]
        ]
        for clients in CLIENTS:
            ours = self._get([f"/v1/store/products/{handle}" for handle in asked.handles], clients)
            yield Row("product page", ours, self._pgbench(scripts, clients))
        for what, paths, kind, bodies in self._decided(asked):
            for clients in CLIENTS:
                yield Row(what, self._get(paths, clients), self._post(kind, bodies, clients))

    def looks(self, asked: Asked, shown: Pictures) -> Iterator[Row]:
        """Searches by a picture, and for what looks like a product."""
        forms, bodies = shown.forms(), shown.bodies()
        for clients in CLIENTS:
            sending = {"kind": "send", "choices": forms, "headers": {"Host": HOST}, "refuses": INSTEAD}
            ours = self._load(self.store, sending, clients)
            yield Row("search by picture", ours, self._post("visual", bodies, clients))
        paths = [f"/v1/store/products/{handle}/alike" for handle in asked.handles]
        alike = [{"product_id": str(product)} for product in asked.pictured[: len(paths)]]
        for clients in CLIENTS:
            getting = {"kind": "get", "choices": paths, "headers": {"Host": HOST}, "refuses": INSTEAD}
            ours = self._load(self.store, getting, clients)
            yield Row("more like this", ours, self._post("visual", alike, clients))

    def freshness(self, asked: Asked, key: str) -> Figures:
        """How soon a search by price knows what staff said a product costs."""
        took = []
        with httpx.Client(base_url=self.store, headers={"Host": HOST, "Authorization": f"Bearer {key}"}) as client:
            for number, (_, sku, amount) in enumerate(asked.variants):
                price = 90_000_000 + amount * CHANGED + number
                body = {"currency": BAZAAR.currency, "amount": price}
                client.put(f"/v1/admin/prices/variants/{sku}/list", json=body).raise_for_status()
                started = time.perf_counter()
                path = f"/v1/store/products?limit=1&filter=price:{price}-{price}"
                while not client.get(path).raise_for_status().json()["items"]:
                    time.sleep(0.02)
                took.append((time.perf_counter() - started) * 1000)
        return figures(1, took, sum(took) / 1000)

    def _decided(self, asked: Asked) -> Iterator[tuple[str, list[str], str, list[dict[str, Any]]]]:
        """What the decision service answers: a name, the API's paths, the decision's kind and its requests."""
        page = f"limit={PAGE}&facets=true"
        listing = {"limit": PAGE, "facets": True}
        yield (
            "category with facets",
            [f"/v1/store/products?{page}&category={slug}" for _, slug in asked.categories],
            "search",
            [{**listing, "within": str(category)} for category, _ in asked.categories],
        )
        yield (
            "category below a price, with facets",
            [
                f"/v1/store/products?{page}&category={slug}&filter=price:-{most}"
                for _, slug in asked.categories
                for most in CEILINGS
            ],
            "search",
            [
                {**listing, "within": str(category), "chosen": [{"facet": PRICE, "ranges": [{"most": most}]}]}
                for category, _ in asked.categories
                for most in CEILINGS
            ],
        )
        yield (
            "search with facets",
            [f"/v1/store/search?{page}&q={quote(query)}" for query in asked.queries],
            "search",
            [{**listing, "query": query} for query in asked.queries],
        )
        yield (
            "suggestions",
            [f"/v1/store/suggest?q={quote(typed)}" for typed in asked.openings],
            "suggestions",
            [{"query": typed} for typed in asked.openings],
        )

    def _get(self, paths: Sequence[str], clients: int) -> Figures:
        return self._load(self.store, {"kind": "get", "choices": paths, "headers": {"Host": HOST}}, clients)

    def _post(self, kind: str, bodies: Sequence[Mapping[str, Any]], clients: int) -> Figures:
        token = self.settings.require("serving_token", "The decision service's token")
        common = {"tenant_id": str(BAZAAR.id), "deadline_ms": DEADLINE_MS}
        choices = [{"path": f"/v1/decisions/{kind}", "body": {**common, **body}} for body in bodies]
        headers = {"Host": LOOPBACK, "Authorization": f"Bearer {token}"}
        address = self.settings.require("serving_url", "The decision service")
        return self._load(address, {"kind": "post", "choices": choices, "headers": headers}, clients)

    def _load(self, address: str, plan: Mapping[str, Any], clients: int) -> Figures:
        where = {"connect": LOOPBACK, "port": urlsplit(address).port}
        load = run_load({**plan, **where, "clients": clients, "seconds": self.seconds})
        return figures(clients, load["milliseconds"], load["seconds"], load["failed"])

    def _pgbench(self, scripts: Sequence[str], clients: int) -> Figures:
        connections = min(clients, self.settings.database_pool_size)
        url = self.settings.require("database_url", "Postgres")
        return pgbench.run(url, scripts, clients=connections, seconds=FLOOR_SECONDS)


def measure(
    folder: Path,
    *,
    products: int,
    seconds: int,
    meaning: bool,
    pictures: Path | None,
    progress: Progress,
    report: Callable[[Row], None],
) -> Outcome:
    """Start a stack in `folder`, fill it unless an earlier run did, measure, and stop it.

    With `meaning`, it is first waited until every product is found by its meaning too; with `pictures`, a folder with a
    folder a class, products are searched by picture as well.

    Raises:
        UnreadableFolder: there are no pictures in it.
        StackFailed: something did not come up.
    """
    with _stack(folder) as state:
        settings = Settings(_env_file=folder / FILE, var_dir=folder.absolute())
        loaded_in = _loaded(settings, products, progress)
        built_in, building = _built(folder)
        suggestion_building.build(settings, BAZAAR.id)
        encoded_in = _encoded(settings, progress) if meaning else None
        asked, measuring = Asked.read(settings), Measuring(settings, state.addresses["store"], seconds)
        _wait_until_served(measuring)
        rows = []
        for row in measuring.rows(asked):
            rows.append(row)
            report(row)
        shown = (
            None if pictures is None else looks.fill(settings, BAZAAR.id, asked.pictured, pictures, progress=progress)
        )
        if shown is not None:
            _wait_until_seen(measuring, asked)
            for row in measuring.looks(asked, shown):
                rows.append(row)
                report(row)
        freshness = measuring.freshness(asked, _command(folder, "key", BAZAAR.slug, "--name", "bench")[0].strip())
        held = {name: _resident(state, name) for name in ("serving", "web", "qdrant")}
        memory, pictured = Memory(building, **held), 0 if shown is None else len(asked.pictured)
        return Outcome(products, loaded_in, built_in, encoded_in, memory, rows, freshness, pictured)


@contextmanager
def _stack(folder: Path) -> Iterator[StackState]:
    folder.mkdir(parents=True, exist_ok=True)
    state = up_detached(folder, only=SERVICES)
    try:
        yield state
    finally:
        down(folder)


def _loaded(settings: Settings, products: int, progress: Progress) -> float | None:
    with psycopg.connect(settings.require("database_url", "Postgres")) as connection:
        connection.execute("SELECT set_config(%s, %s, true)", (TENANT_SETTING, str(BAZAAR.id)))
        row = connection.execute(_COUNTED).fetchone()
    if row is not None and row[0] == products:
        return None
    started = time.perf_counter()
    load_multiplied(settings, products, progress=progress)
    return time.perf_counter() - started


def _command(folder: Path, *arguments: str) -> tuple[str, float]:
    """What `tradewind` with these arguments said of the stack in `folder`, and the most memory that it took, in MiB."""
    environment = {**os.environ, "TRADEWIND_VAR_DIR": str(folder.absolute())}
    process = subprocess.Popen(
        [sys.executable, "-m", "tradewind", *arguments], env=environment, stdout=subprocess.PIPE, text=True
    )
    said = process.stdout.read() if process.stdout else ""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise CommandFailed(f"`tradewind {' '.join(arguments)}` failed.")
    return said, used.ru_maxrss / 1024


def _built(folder: Path) -> tuple[float, float]:
    """How long the index was built, and the most memory that took."""
    started = time.perf_counter()
    _, memory = _command(folder, "index", BAZAAR.slug)
    return time.perf_counter() - started, memory


def _encoded(settings: Settings, progress: Progress) -> float:
    """Wait until every product has a vector of what it means; says how long."""
    return asyncio.run(_all_encoded(SearchIndex.connect(settings), progress))


async def _all_encoded(index: SearchIndex, progress: Progress) -> float:
    started = time.perf_counter()
    while BAZAAR.id not in await index.encoders():
        progress(time.perf_counter() - started, None, "seconds of encoding")
        await asyncio.sleep(1.0)
    await index.close()
    return time.perf_counter() - started


def _wait_until_served(measuring: Measuring) -> None:
    """A worker of the decision service learns of a new index within seconds."""
    with httpx.Client(base_url=measuring.store, headers={"Host": HOST}) as client:
        deadline = time.monotonic() + PATIENCE
        while client.get("/v1/store/products?facets=true&limit=1").raise_for_status().json()["fallback"]:
            if time.monotonic() > deadline:
                raise NotServed
            time.sleep(0.5)


def _wait_until_seen(measuring: Measuring, asked: Asked) -> None:
    """A worker of the decision service learns of a new collection, and loads its encoder, within seconds."""
    with httpx.Client(base_url=measuring.store, headers={"Host": HOST}) as client:
        deadline = time.monotonic() + PATIENCE
        while client.get(f"/v1/store/products/{asked.handles[0]}/alike").raise_for_status().json()["fallback"]:
            if time.monotonic() > deadline:
                raise NotServed
            time.sleep(0.5)


def _resident(state: StackState, service: str) -> float:
    root = psutil.Process(state.services[service].pid or 0)
    held: int = sum(one.memory_info().rss for one in (root, *root.children(recursive=True)))
    return held / MIB
