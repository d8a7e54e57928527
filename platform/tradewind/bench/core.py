"""The transactional core by itself: a Postgres and web workers of our own, a shop that is made up, and nothing else.

Each operation is measured through the API and then as the same statements by pgbench, in the same run on the same data.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from pydantic import SecretStr

from commerce.catalog import hot
from commerce.catalog import service as catalog
from commerce.http import encode_cursor
from foundation.database import TENANT_SETTING, Database
from foundation.receiving import PROTOCOL
from foundation.settings import Settings
from tradewind import migrations
from tradewind.bench import cpu, made, pgbench, shop
from tradewind.bench.cpu import Cpu
from tradewind.bench.figures import Figures, figures
from tradewind.bench.made import BALANCE, PRODUCT, VARIANT, VISIT, MadeShop
from tradewind.bench.scripts import Sql, read_script
from tradewind.bench.shop import HOST
from tradewind.bench.suite import CLIENTS, PAGE, Result, Row, run_load
from tradewind.engines.postgres import APP, DATABASE, OWNER, SUPERUSER, PostgresServer
from tradewind.errors import StackError
from tradewind.processes import LOOPBACK, free_port, spawn, stop, tail
from tradewind.stack.service import answers_http, python

POPULAR = 200
"""Products that everybody looks at."""
BOUGHT = 2_000
"""Products that are ordered: enough that clients seldom wait for one another's stock."""
IN_A_CART = 5
ORDERS_A_SECOND = 2_000
"""Carts prepared for each second in which they are ordered."""
TURNS = 3_200
"""Orders of a run of pgbench, over all its connections."""
RUSH = 64
PATIENCE = 60.0


class WorkerFailed(StackError):
    """A web worker did not come up; the message ends with its last words."""


@dataclass(frozen=True, slots=True)
class Rush:
    """What came of everybody's coming for one product: units that were there, and units that were ordered."""

    buyers: int
    units: int
    ordered: int
    refused: int

    @property
    def oversold(self) -> int:
        """Units ordered that were not there."""
        return max(self.ordered - self.units, 0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that was measured."""

    rows: Sequence[Row]
    rush: Rush
    products: int
    workers: int
    loaded_in: float

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        said = Result("core", list(self.rows)).to_json()
        rush = {**asdict(self.rush), "oversold": self.rush.oversold}
        return said | {"rush": rush, "products": self.products, "workers": self.workers, "loaded_in": self.loaded_in}


@dataclass(slots=True)
class Core:
    """The server, its workers and the shop, while they are measured."""

    settings: Settings
    made: MadeShop
    ports: Sequence[int]
    api: Sequence[int]
    postgres: int
    seconds: int
    _next: int = 1
    """The first visitor nobody has prepared yet."""
    _draw: Random = field(default_factory=lambda: Random(7))  # noqa: S311  (a repeatable choice, not a secret)

    @property
    def url(self) -> str:
        """Postgres, as the app's role."""
        return self.settings.require("database_url", "Postgres")

    def rows(self) -> Iterator[Row]:
        """One row after another, each operation at every number of clients."""
        yield from self._reads()
        yield from self._adding()
        yield from self._placing()
        yield from self._ordering()

    def _reads(self) -> Iterator[Row]:
        last, tenant = self.made.products - 1, self.made.shop.id
        values = {"tenant_id": tenant, **catalog.asked_by(self.made.shop.currency)}
        some = [self._draw.randint(0, last) for _ in range(4096)]
        product = {**values, "handle": Sql("'product-' || (:product)::text")}
        popular = f"\\set product random(0, {POPULAR - 1})"
        page = {**values, "after_id": UUID(int=0), "limit": PAGE}
        lists = [f"department-{n}" for n in range(made.DEPARTMENTS)] * made.COMMODITIES
        lists += [f"commodity-{n}" for n in range(made.DEPARTMENTS * made.COMMODITIES)]
        upper = (
            f"\\set one random(0, {made.DEPARTMENTS - 1})",
            f"\\set one random(0, {made.DEPARTMENTS * made.COMMODITIES - 1})",
        )
        operations: list[tuple[str, list[str], list[str]]] = [
            (
                "product page",
                [f"/v1/store/products/product-{n}" for n in some],
                [read_script(tenant, hot.PRODUCT_BY_HANDLE, product, choose=[f"\\set product random(0, {last})"])],
            ),
            (
                "product page, popular",
                [f"/v1/store/products/product-{n}" for n in range(POPULAR)],
                [read_script(tenant, hot.PRODUCT_BY_HANDLE, product, choose=[popular])],
            ),
            (
                "list of 24",
                [f"/v1/store/products?limit={PAGE}&cursor={encode_cursor(n, UUID(int=0))}" for n in some],
                [
                    read_script(
                        tenant,
                        hot.LIST_PRODUCTS,
                        {**page, "category": None, "after_key": Sql(":rank")},
                        choose=[f"\\set rank random(0, {last})"],
                    )
                ],
            ),
            (
                "list of 24 of a category",
                [f"/v1/store/products?limit={PAGE}&category={slug}" for slug in lists],
                [
                    read_script(
                        tenant,
                        hot.LIST_CATEGORY,
                        {**page, "category": Sql(f"'{what}-' || (:one)::text"), "after_key": -(2**63)},
                        choose=[choose],
                    )
                    for what, choose in zip(("department", "commodity"), upper, strict=True)
                ],
            ),
        ]
        for what, paths, scripts in operations:
            for clients in CLIENTS:
                ours, used = self._load("get", paths, clients)
                floor = pgbench.run(self.url, scripts, clients=self._connections(clients), seconds=self.seconds)
                yield Row(what, ours, floor, used)

    def _adding(self) -> Iterator[Row]:
        visit = self._prepare(1)
        recording, _ = asyncio.run(shop.record_adding(self.settings, self._visitor(visit), VARIANT.id(0)))
        script = recording.script(
            known={self.made.shop.id},
            chosen=self._alike(visit, 0),
            choose=_some_line(),
        )
        for clients in CLIENTS:
            first, connections = self._prepare(clients), self._connections(clients)
            numbers = [range(n * IN_A_CART, (n + 1) * IN_A_CART) for n in range(clients)]
            variants = [[str(VARIANT.id(n * made.VARIANTS)) for n in those] for those in numbers]
            carts = [self._visitor(first + n) for n in range(clients)]
            ours, used = self._load("line", variants, clients, carts=carts)
            base = {"base": self._prepare(connections)}
            floor = pgbench.run(self.url, [script], clients=connections, seconds=self.seconds, given=base)
            yield Row("add to cart", ours, floor, used)

    def _placing(self) -> Iterator[Row]:
        visit = self._prepare(1, among=BOUGHT)
        recording, made_up = asyncio.run(shop.record_placing(self.settings, self._visitor(visit)))
        scripts = {
            "place order": recording.script(
                known={self.made.shop.id},
                made_up=made_up,
                chosen=self._alike(visit, visit % BOUGHT),
                choose=_next_visit(BOUGHT),
            ),
            "place order, beside five statements": _five_statements(self.made.shop.id),
        }
        for clients in CLIENTS:
            count = ORDERS_A_SECOND * (self.seconds + 1)
            first, connections = self._prepare(count, among=BOUGHT), self._connections(clients)
            carts = [self._visitor(first + n) for n in range(count)]
            ours, used = self._load("complete", [], clients, carts=carts)
            for what, script in scripts.items():
                each = TURNS // max(connections, 4)
                base = {"base": self._prepare(each * connections, among=BOUGHT), "turn": -1, "each": each}
                floor = pgbench.run(self.url, [script], clients=connections, each=each, given=base)
                yield Row(what, ours, floor, used)

    def _ordering(self) -> Iterator[Row]:
        variants = [str(VARIANT.id(n * made.VARIANTS)) for n in range(BOUGHT)]
        recording, made_up = asyncio.run(shop.record_ordering(self.settings, VARIANT.id(0)))
        script = recording.script(
            known={self.made.shop.id},
            made_up=made_up,
            chosen=_any_product(),
            choose=_some_product(),
        )
        for clients in CLIENTS:
            ours, used = self._load("order", variants, clients)
            floor = pgbench.run(self.url, [script], clients=self._connections(clients), seconds=self.seconds)
            yield Row("whole order, six requests", ours, floor, used)

    def rush(self) -> tuple[Row, Rush]:
        """Everybody wants one product, and there is not enough of it."""
        last = self.made.products - 1
        variant = VARIANT.id(last * made.VARIANTS)
        (units,) = self.made.ask("SELECT sum(available) FROM stock WHERE variant_id = %s", variant)
        wanted = int(units) * 2  # type: ignore[call-overload]
        first = self._prepare(wanted, product=last, among=1)
        plan = self._plan("complete", [], RUSH, carts=[self._visitor(first + n) for n in range(wanted)])
        before = self._used()
        load = run_load({**plan, "warm_up": 0.0, "seconds": PATIENCE})
        (ordered,) = self.made.ask("SELECT sum(quantity) FROM order_line WHERE variant_id = %s", variant)
        refused = load["statuses"].get("409", 0)
        failed = load["failed"] - refused
        row = Row(
            "one product, all at once",
            figures(RUSH, load["milliseconds"], load["seconds"], failed),
            cpu=self._per_operation(before, load),
        )
        return row, Rush(RUSH, int(units), int(ordered), refused)  # type: ignore[call-overload]

    def _alike(self, visit: int, product: int) -> Mapping[UUID | bytes, str]:
        """What of a recording stands for any visitor and product."""
        variant = product * made.VARIANTS
        return {
            VISIT.id(visit): VISIT.sql(":visit"),
            shop.token_hash(made.token(visit)): made.token_hash(":visit"),
            PRODUCT.id(product): PRODUCT.sql(":product"),
            VARIANT.id(variant): VARIANT.sql(made.variant(":product")),
            BALANCE.id(variant * made.WAREHOUSES): BALANCE.sql(made.balance(made.variant(":product"))),
        }

    def _prepare(self, count: int, *, product: int = 0, among: int = 0) -> int:
        first, self._next = self._next, self._next + count
        self.made.prepare(first, count, product=product, among=among)
        return first

    def _visitor(self, number: int) -> dict[str, str]:
        return {"id": str(VISIT.id(number)), "token": made.token(number)}

    def _connections(self, clients: int) -> int:
        """No more than the workers have themselves: beyond the cores they only slow Postgres down."""
        return min(clients, self.settings.database_pool_size * len(self.ports))

    def _load(
        self, kind: str, choices: Sequence[Any], clients: int, *, carts: Sequence[Any] = ()
    ) -> tuple[Figures, Cpu]:
        before = self._used()
        load = run_load(self._plan(kind, choices, clients, carts=carts))
        used = self._per_operation(before, load)
        return figures(clients, load["milliseconds"], load["seconds"], load["failed"]), used

    def _plan(self, kind: str, choices: Sequence[Any], clients: int, *, carts: Sequence[Any]) -> dict[str, Any]:
        return {
            "connect": LOOPBACK,
            "ports": self.ports,
            "headers": {"Host": HOST},
            "kind": kind,
            "choices": choices,
            "carts": carts,
            "clients": clients,
            "seconds": self.seconds,
            "seed": self._draw.randrange(2**32),
        }

    def _used(self) -> tuple[float, float]:
        return cpu.seconds(self.api), cpu.seconds([self.postgres])

    def _per_operation(self, before: tuple[float, float], load: Mapping[str, Any]) -> Cpu:
        api, postgres = (1000 * (now - then) for now, then in zip(self._used(), before, strict=True))
        done = load["operations"]
        return Cpu(api=api / done, postgres=postgres / done, load=1000 * load["cpu"] / done)


def _some_line() -> list[str]:
    return [
        "\\set visit :base + :client_id",
        f"\\set product :client_id * {IN_A_CART} + random(0, {IN_A_CART - 1})",
    ]


def _some_product() -> list[str]:
    return [f"\\set product random(0, {BOUGHT - 1})"]


def _any_product() -> Mapping[UUID | bytes, str]:
    """What of a recording stands for any product."""
    return {PRODUCT.id(0): PRODUCT.sql(":product"), VARIANT.id(0): VARIANT.sql(made.variant(":product"))}


def _next_visit(among: int) -> list[str]:
    return [
        "\\set turn :turn + 1",
        "\\set visit :base + :client_id * :each + :turn",
        f"\\set product :visit % {among}",
    ]


def _five_statements(tenant_id: UUID) -> str:
    """The least that an order could be: its stock and who has it, itself, its line, its event; in one transaction."""
    variant, order = VARIANT.sql(made.variant(":product")), VISIT.sql(":visit")
    tenant, stock = f"'{tenant_id}'::uuid", BALANCE.sql(made.balance(made.variant(":product")))
    lines = (
        *_next_visit(BOUGHT),
        "BEGIN;",
        f"SELECT set_config('{TENANT_SETTING}', '{tenant_id}', true);",
        f"UPDATE stock SET available = available - 1, reserved = reserved + 1 WHERE tenant_id = {tenant}"
        f" AND id = {stock} AND available >= 1 RETURNING available;",
        "INSERT INTO reservation (tenant_id, id, stock_id, holder_id, order_id, quantity, status, expires_at)"
        f" VALUES ({tenant}, {order}, {stock}, {order}, {order}, 1, 'claimed', now());",
        "INSERT INTO orders (tenant_id, id, number, cart_id, visitor_id, currency, subtotal, discount, shipping, tax,"
        f" total, placed_at) VALUES ({tenant}, {order}, 'N' || (:visit)::text, {order}, {order}, 'USD', 100, 0, 0, 0,"
        " 100, now());",
        "INSERT INTO order_line (tenant_id, id, order_id, product_id, variant_id, sku, title, quantity, unit_price,"
        f" discount, total, tax) VALUES ({tenant}, {order}, {order}, {PRODUCT.sql(':product')}, {variant}, 'SKU',"
        " 'Title', 1, 100, 0, 100, 0);",
        "INSERT INTO outbox (tenant_id, event_id, name, version, occurred_at, recorded_at, aggregate_id, payload)"
        f" VALUES ({tenant}, {order}, 'order.placed', 1, now(), now(), {order}, '{{}}');",
        "COMMIT;",
        "",
    )
    return "\n".join(lines)


def measure(folder: Path, *, products: int, seconds: int, workers: int, report: Callable[[Row], None]) -> Outcome:
    """Start everything in `folder`, measure, and take it down again; `report` is told each row as it comes.

    Raises:
        ServerFailed, WorkerFailed: something did not come up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        server = stack.enter_context(PostgresServer(folder / "postgres", log=folder / "postgres.log"))
        migrations.upgrade(server.url(OWNER))
        there = MadeShop(server.url(SUPERUSER, DATABASE), server.url(OWNER), products)
        started = time.perf_counter()
        there.load()
        loaded_in = time.perf_counter() - started
        settings = Settings(_env_file=None, database_url=SecretStr(server.url(APP)))
        asyncio.run(_open_for_orders(settings, there))
        ports = [free_port() for _ in range(workers)]
        unlimited = {"TRADEWIND_UNLIMITED_NETWORKS": "127.0.0.0/8"}
        pids = [stack.enter_context(worker(folder, port, settings, unlimited)) for port in ports]
        core = Core(settings, there, ports, pids, server.pid or 0, seconds)
        rows = []
        for row in core.rows():
            rows.append(row)
            report(row)
        row, rush = core.rush()
        report(row)
        return Outcome([*rows, row], rush, products, workers, loaded_in)


async def _open_for_orders(settings: Settings, there: MadeShop) -> None:
    database = Database.of(settings, pool_size=1)
    await there.open_for_orders(database)
    await database.close()


@contextmanager
def worker(folder: Path, port: int, settings: Settings, also: Mapping[str, str]) -> Iterator[int]:
    """A web worker that writes no line of log for each request, with these variables also; its process id."""
    where = ("--host", LOOPBACK, "--port", str(port), "--http", PROTOCOL, "--no-proxy-headers")
    arguments = ("uvicorn", "tradewind.web:app", *where, "--no-access-log")
    environment = {"TRADEWIND_DATABASE_URL": settings.require("database_url", "Postgres"), "PYTHONPATH": search_path()}
    environment |= also
    log = folder / f"web-{port}.log"
    process = spawn(python(*arguments, environment=environment, directory=folder)(), log)
    try:
        deadline = time.monotonic() + PATIENCE
        while not answers_http(port, "/healthz")():
            if process.poll() is not None or time.monotonic() > deadline:
                raise WorkerFailed(f"a web worker did not come up:\n{tail(log)}")
            time.sleep(0.05)
        yield process.pid
    finally:
        stop(process, signal.SIGTERM, patience=10)


def search_path() -> str:
    """Where this process finds the packages, for a worker that is started elsewhere."""
    return os.pathsep.join(
        str(Path(part).absolute()) for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part
    )
