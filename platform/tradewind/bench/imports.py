"""How fast a catalogue comes in by a file, beside COPY of the very rows that it makes.

The shop, its Postgres and the files are made for it. A file is read, checked and written as any import is, by the
app's role under row-level security.
"""

from __future__ import annotations

import asyncio
import csv
import multiprocessing
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import openpyxl
from pydantic import SecretStr

from foundation.progress import Progress, silent
from foundation.settings import Settings
from tradewind import exchanging, migrations
from tradewind.bench import copying
from tradewind.bench.copying import Took, Watch
from tradewind.bench.core import worker
from tradewind.bench.figures import Figures, figures
from tradewind.bench.suite import run_load
from tradewind.data.tenants import GROCER, create
from tradewind.engines.postgres import APP, DATABASE, OWNER, PostgresServer
from tradewind.engines.valkey import ValkeyServer
from tradewind.processes import LOOPBACK, free_port

VARIANTS = 3
CATEGORIES, BRANDS = 300, 500
PAGES, PAGES_A_SECOND, CLIENTS = 500, 20, 4
LONGEST = 15.0
"""Seconds that pages are asked for, at most."""


@dataclass(frozen=True, slots=True)
class Measured:
    """An import of new products, and what stands beside it."""

    products: int
    file_rows: int
    rows: int
    """Of all tables."""
    first: Took
    again: Took
    """The same file once more, which changes nothing."""
    copy: Took
    floor: Took
    peak_mib: float
    """The most memory that the importing process had, Postgres not counted."""
    peak_growth_mib: float
    """How much of that the import itself took."""
    workbook_growth_mib: float
    """The same of the same rows as a workbook."""
    pages_alone: Figures
    pages_beside: Figures
    """A product's page, asked for while as many new products are brought in by another process."""

    def to_json(self) -> dict[str, Any]:
        """For `var/bench/import.json`."""
        return {
            "name": "import",
            **asdict(self),
            "share_of_copy": self.copy.seconds / self.first.seconds,
            "share_of_copy_by_cpu": self.copy.cpu / self.first.cpu,
            "floor_share_of_copy_by_cpu": self.copy.cpu / self.floor.cpu,
        }


def measure(folder: Path, *, products: int, progress: Progress) -> Measured:
    """Make all of it in `folder`, measure, and take it away again.

    Raises:
        ServerFailed, WorkerFailed: something did not come up.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        server = stack.enter_context(PostgresServer(folder / "data"))
        migrations.upgrade(server.url(OWNER, DATABASE))
        create(server.url(OWNER, DATABASE), GROCER)
        return _measure(server, folder, products, progress)


def _measure(server: PostgresServer, folder: Path, products: int, progress: Progress) -> Measured:
    settings = Settings(
        _env_file=None,
        database_url=SecretStr(server.url(APP, DATABASE)),
        database_owner_url=SecretStr(server.url(OWNER, DATABASE)),
        objects_url=f"file://{folder}/objects",
    )
    file, more, book = folder / "products.csv", folder / "more.csv", folder / "products.xlsx"
    write_file(file, products)
    write_file(more, products, first=products)
    _as_workbook(file, book)
    before = _peak_mib()
    first = _timed(server, settings, file, progress)
    peak = _peak_mib()
    again = _timed(server, settings, file, progress)
    workbook = _elsewhere(_grown, settings, book)
    rows, copied = copying.copied(server, folder)
    alone, beside = _pages(folder, settings, more, products, min(first.seconds, LONGEST))
    floor = copying.floor(server, GROCER.id)
    return Measured(
        products,
        products * VARIANTS,
        rows,
        first,
        again,
        copied,
        floor,
        peak,
        peak - before,
        workbook,
        alone,
        beside,
    )


def _pages(folder: Path, settings: Settings, more: Path, products: int, seconds: float) -> tuple[Figures, Figures]:
    """How long a product's page takes alone, and while a file is brought in."""
    port = free_port()
    with ValkeyServer(folder / "valkey") as valkey:
        also = {"TRADEWIND_REDIS_URL": valkey.url(), "TRADEWIND_CATALOGUE_CACHE_MB": "0"}
        plan = {
            "connect": LOOPBACK,
            "ports": [port],
            "headers": {"Host": GROCER.hosts[-1]},
            "kind": "get",
            "choices": [f"/v1/store/products/product-{number}" for number in range(0, products, products // PAGES)],
            "clients": CLIENTS,
            "seconds": seconds,
            "per_second": PAGES_A_SECOND,
        }
        with worker(folder, port, settings, {**also, "TRADEWIND_UNLIMITED_NETWORKS": "0.0.0.0/0"}):
            alone = _asked(plan)
            with _other_process() as pool:
                bringing = pool.submit(_grown, settings, more)
                beside = _asked(plan)
                bringing.result()
    return alone, beside


def _asked(plan: dict[str, Any]) -> Figures:
    load = run_load(plan)
    return figures(CLIENTS, load["milliseconds"], load["seconds"], load["failed"])


def _other_process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))


def _elsewhere(work: Any, *given: Any) -> Any:
    with _other_process() as pool:
        return pool.submit(work, *given).result()


def _grown(settings: Settings, file: Path) -> float:
    """By how much a process grows that brings a file in and has done nothing before, in MiB."""
    before = _peak_mib()
    _bring(settings, file, silent)
    return _peak_mib() - before


def write_file(path: Path, products: int, *, first: int = 0) -> None:
    """A file of products of three variants each, from the first on: the same for the same numbers."""
    names = ["handle", "title", "description", "category", "brand", "tags", "status"]
    names += ["sku", "gtin", "option1_name", "option1_value", "price", "compare_at"]
    with path.open("w", encoding="utf-8", newline="") as out:
        written = csv.writer(out)
        written.writerow(names)
        for number in range(first, first + products):
            category = number % CATEGORIES
            said = [
                f"product-{number}",
                f"Article {number} of the house in fine wool",
                f"<p>What there is to say of article {number}: warm, light, made to last.</p>",
                f"Department {category % 10} > Aisle {category // 10 % 10} > Shelf {category}",
                f"Brand {number % BRANDS}",
                "autumn, wool",
                "published",
            ]
            for place, size in enumerate(("S", "M", "L")):
                cost = 1_000 + number % 5_000
                own = [f"A{number}-{size}", _gtin(number * VARIANTS + place), "Size", size, f"{cost / 100:.2f}", ""]
                written.writerow((said if place == 0 else [said[0], *[""] * 6]) + own)


def _gtin(number: int) -> str:
    digits = f"{200_000_000_000 + number}"
    odd, even = sum(map(int, digits[::2])), sum(map(int, digits[1::2]))
    return f"{digits}{-(odd + 3 * even) % 10}"


def _as_workbook(file: Path, book: Path) -> None:
    written = openpyxl.Workbook(write_only=True)
    sheet = written.create_sheet()
    for row in _rows_of(file):
        sheet.append(row)
    written.save(book)


def _rows_of(file: Path) -> Iterator[list[str]]:
    with file.open(encoding="utf-8", newline="") as source:
        yield from csv.reader(source)


def _timed(server: PostgresServer, settings: Settings, file: Path, progress: Progress) -> Took:
    watch = Watch(server)
    with watch.running():
        _bring(settings, file, progress)
    return watch.took


def _bring(settings: Settings, file: Path, progress: Progress) -> None:
    done = asyncio.run(exchanging.bring(settings, GROCER.slug, file, progress=progress))
    if done.status != "done" or done.bad:
        raise RuntimeError(f"the import ended {done.status} with {done.bad} bad rows: {done.problem}")


def _peak_mib() -> float:
    """The most memory that this process had, in MiB; what `getrusage` says is also that of whoever started it."""
    told = Path("/proc/self/status").read_text(encoding="ascii")
    return int(told.partition("VmHWM:")[2].split()[0]) / 1024
