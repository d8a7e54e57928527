"""How many events the platform takes, what orders notice of that, and how soon an event is known.

Each section is measured by itself, and stands beside the least it could cost in the same run; `SECTIONS` is where
another one is added.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from features.online import OnlineShoppers
from foundation import clock
from foundation.analytics import ShopRows, of_shop
from foundation.database import Database
from foundation.events import Context, Event, ViewItem, record
from foundation.events.spooled import framed
from foundation.ids import new_id
from foundation.outbox import announce
from foundation.receiving import PROTOCOL
from pipelines.relay import Relay
from tradewind.bench import cpu
from tradewind.bench.core import BOUGHT, search_path
from tradewind.bench.figures import Figures, figures
from tradewind.bench.house import BATCH, PATIENCE, USER_AGENT, Behind, House, arrive, consumer, running, seen
from tradewind.bench.made import VARIANT, VARIANTS
from tradewind.bench.shop import HOST
from tradewind.bench.suite import CLIENTS, Row, run_load
from tradewind.processes import LOOPBACK, free_port
from tradewind.stack.service import listens

ORDERS_A_SECOND = 10.0
ORDERING = 8
RATES = (100, 5_000)
"""Events a second at which it is measured how soon one is known."""
PROBES = 30
PROBE_SECONDS = 0.2
_IS_THERE = """
    SELECT count() FROM events
    WHERE tenant_id = {tenant_id:UUID} AND name = {name:String} AND event_id = {event_id:UUID}
"""


@dataclass(frozen=True, slots=True)
class Section:
    """One part of what is measured."""

    name: str
    says: str
    """What its rows are, for the page."""
    measure: Callable[[House], Iterator[Row]]


def _ingest(house: House) -> Iterator[Row]:
    """Batches of events at every number of clients, beside an application that only reads the same bytes."""
    with ExitStack() as stack:
        port = free_port()
        echo = ("uvicorn", "tradewind.bench.echo:app", "--port", str(port), "--http", PROTOCOL, "--no-access-log")
        environment = {"PYTHONPATH": search_path()}
        consumer(stack, house.folder, "echo", *echo, environment=environment, ready=listens(port))
        for count in CLIENTS:
            plan = house.plan("post", house.batches(), count, expects=202)
            before = house.used()
            load = run_load(plan)
            used = {name: spent - before[name] for name, spent in house.used().items()}
            house.settle()
            carried = {name: spent - before[name] for name, spent in house.used().items()}
            floor = run_load({**plan, "ports": [port]})
            ours, least = (_of_events(count, one) for one in (load, floor))
            operations = load["operations"]
            rest = carried["carrier"] + carried["clickhouse"]
            says = f"events in batches of {BATCH}, each carried on in {1000 * rest / operations:.2f} ms of CPU"
            cost = cpu.Cpu(*(1000 * one / operations for one in (used["api"], used["postgres"], load["cpu"])))
            yield Row(says, ours, least, cost)
    yield from _floors(house)


def _of_events(count: int, load: Mapping[str, Any]) -> Figures:
    """The rate of events; the times are those of a batch."""
    found = figures(count, load["milliseconds"], load["seconds"], load["failed"])
    return Figures(count, found.done * BATCH, found.per_second * BATCH, found.p50, found.p95, found.p99, found.failed)


def _floors(house: House) -> Iterator[Row]:
    """The same bytes appended and synced one batch after another; and the same events by way of the outbox."""
    who = Context(visitor_id=new_id(), session_id=new_id(), consent=("analytics", "personalisation"))
    events = [{**seen(number), "event_id": new_id(), "occurred_at": clock.now()} for number in range(BATCH)]
    frame = framed(house.made.shop.id, who, events, clock.now())
    took: list[float] = []
    until = time.perf_counter() + house.seconds
    descriptor = os.open(house.folder / "appended", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    while (started := time.perf_counter()) < until:
        os.write(descriptor, frame)
        os.fdatasync(descriptor)
        took.append((time.perf_counter() - started) * 1000)
    os.close(descriptor)
    yield Row("events appended, each batch synced alone", _of_events(1, _done(took, house.seconds)))
    before = house.used()
    took = asyncio.run(_announced(house, who))
    rows = len(took) * BATCH
    used = {name: 1000 * (spent - before[name]) / len(took) for name, spent in house.used().items()}
    into = _of_events(8, _done(took, house.seconds))
    yield Row("events into the outbox, one statement a batch", into, cpu=cpu.Cpu(0, used["postgres"], 0))
    started, before = time.perf_counter(), house.used()
    relay, begun = Relay.connect(house.settings), time.process_time()
    while relay.deliver():
        pass
    relay.close()
    seconds, own = time.perf_counter() - started, time.process_time() - begun
    used = {name: (spent - before[name]) * 1000 * BATCH / rows for name, spent in house.used().items()}
    cost = cpu.Cpu(1000 * own * BATCH / rows + used["clickhouse"], used["postgres"], 0)
    batch = seconds * 1000 * BATCH / rows
    yield Row("events out of the outbox, by the relay", Figures(1, rows, rows / seconds, batch, batch, batch), cpu=cost)


def _done(took: Sequence[float], seconds: float) -> Mapping[str, Any]:
    return {"milliseconds": took, "seconds": seconds, "failed": 0}


async def _announced(house: House, who: Context) -> list[float]:
    """Batches written to the outbox by eight at a time; how long each took, in milliseconds."""
    database = Database.of(house.settings, pool_size=8)
    until, took, tenant = time.perf_counter() + house.seconds, list[float](), house.made.shop.id

    def event(number: int) -> Event:
        sent = ViewItem.model_validate(seen(number * 5)["payload"])
        return record(sent, tenant_id=tenant, aggregate_id=new_id(), context=who)

    said = [event(number) for number in range(BATCH)]

    async def one() -> None:
        while (started := time.perf_counter()) < until:
            async with database.tx(tenant) as tx:
                await announce(tx, said)
            took.append((time.perf_counter() - started) * 1000)

    await asyncio.gather(*(one() for _ in range(8)))
    await database.close()
    return took


def _orders(house: House) -> Iterator[Row]:
    """Orders that come at a steady rate: alone, beside what a busy shop sends, and beside all that events can be."""
    variants = [str(VARIANT.id(number * VARIANTS)) for number in range(BOUGHT)]
    ordering = house.plan("order", variants, ORDERING, per_second=ORDERS_A_SECOND, seconds=house.seconds * 2)
    beside: Mapping[str, dict[str, Any] | None] = {
        "whole order, six requests, alone": None,
        "beside 5,000 events/s": house.plan("post", house.batches(), 16, expects=202, per_second=5_000 / BATCH),
        "beside 64 clients of events": house.plan("post", house.batches(), 64, expects=202),
    }
    alone: Figures | None = None
    with ThreadPoolExecutor(2) as threads:
        for what, events in beside.items():
            meanwhile = threads.submit(run_load, {**events, "seconds": house.seconds * 2 + 1}) if events else None
            load = threads.submit(run_load, ordering).result()
            came = _of_events(events["clients"], meanwhile.result()) if events and meanwhile else None
            says = what if came is None else f"{what}, {came.per_second:,.0f} of them taken"
            ours = figures(ORDERING, load["milliseconds"], load["seconds"], load["failed"])
            alone = alone or ours
            yield Row(says, ours, None if came is None else alone)
            house.settle()


def _lag(house: House) -> Iterator[Row]:
    """From the answer to an event until ClickHouse finds it, and until the online features know."""
    for rate in RATES:
        size = 10 if rate < 1_000 else BATCH
        seconds = PROBES * (PROBE_SECONDS + 0.8)
        plan = house.plan("post", house.batches(size), 16, expects=202, per_second=rate / size, seconds=seconds)
        with ThreadPoolExecutor(1) as thread:
            load = thread.submit(run_load, plan)
            stored, known = asyncio.run(_probed(house))
            load.result()
        yield Row(f"readable in ClickHouse, at {rate:,} events/s", figures(1, stored, sum(stored) / 1000))
        yield Row(f"in the online features, at {rate:,} events/s", figures(1, known, sum(known) / 1000))
        house.settle()


async def _probed(house: House) -> tuple[list[float], list[float]]:
    """Milliseconds until each probe was found in ClickHouse, and in the online features."""
    online, tenant_id = OnlineShoppers.connect(house.settings), house.made.shop.id
    stored: list[float] = []
    known: list[float] = []
    headers = {"Host": HOST, "User-Agent": USER_AGENT}
    async with httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{house.ports[0]}", headers=headers) as browser:
        token, visitor = await arrive(browser)
        browser.headers["Authorization"] = f"Bearer {token}"
        with of_shop(house.settings, tenant_id) as store:
            for turn in range(PROBES):
                await asyncio.sleep(PROBE_SECONDS)
                event = seen(turn * 5)
                (await browser.post("/v1/events", json={"events": [event]})).raise_for_status()
                started = time.perf_counter()
                stored.append(await _found(started, partial(_is_stored, store, tenant_id, event)))
                known.append(await _found(started, partial(_is_known, online, tenant_id, visitor, turn + 1)))
    await online.close()
    return stored, known


async def _found(started: float, is_there: Callable[[], Awaitable[bool]]) -> float:
    """Milliseconds from `started` until it is there.

    Raises:
        Behind.
    """
    while not await is_there():
        if time.perf_counter() - started > PATIENCE:
            raise Behind
        await asyncio.sleep(0.02)
    return (time.perf_counter() - started) * 1000


async def _is_stored(store: ShopRows, tenant_id: UUID, event: Mapping[str, Any]) -> bool:
    values = {"tenant_id": str(tenant_id), "name": event["name"], "event_id": event["event_id"]}
    return bool((await asyncio.to_thread(store.rows, _IS_THERE, values))[0][0])


async def _is_known(online: OnlineShoppers, tenant_id: UUID, visitor: UUID, touches: int) -> bool:
    found = await online.read(tenant_id, visitor)
    return found is not None and len(found.touches) >= touches


SECTIONS: Sequence[Section] = (
    Section("ingest", "Events that `POST /v1/events` has acknowledged, validated and synced to disk.", _ingest),
    Section("orders", f"{ORDERS_A_SECOND:.0f} orders a second, counted from when each was due.", _orders),
    Section("lag", "From the answer to an event until it is found.", _lag),
)


def measure(
    folder: Path, *, products: int, seconds: int, workers: int, only: Sequence[str], report: Callable[[str, Row], None]
) -> dict[str, Any]:
    """Start everything in `folder`, measure the sections, and take it down again; `report` is told each row.

    Raises:
        ServerFailed, WorkerFailed, ConsumerFailed: something did not come up.
        Behind: events were taken and not carried on.
    """
    busy = [round(one, 2) for one in os.getloadavg()]
    sections: dict[str, Any] = {}
    with running(folder, products=products, seconds=seconds, workers=workers) as house:
        for section in SECTIONS:
            if only and section.name not in only:
                continue
            rows = []
            for row in section.measure(house):
                rows.append(row)
                report(section.name, row)
            sections[section.name] = {"says": section.says, "rows": [_plain(row) for row in rows]}
    return {"name": "data", "workers": workers, "load_before": busy, "sections": sections}


def _plain(row: Row) -> dict[str, Any]:
    floor, used = row.floor and asdict(row.floor), row.cpu and asdict(row.cpu)
    return {"what": row.what, "ours": asdict(row.ours), "floor": floor, **({"cpu": used} if used else {})}
