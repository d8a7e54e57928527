"""`tradewind bench`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console

from foundation.progress import Progress
from foundation.settings import Settings
from tradewind.bench import data, fair, imports, report
from tradewind.bench.core import measure
from tradewind.bench.suite import Row, Suite
from tradewind.errors import StackError
from tradewind.stack.lock import is_running
from tradewind.stack.site import FILE, repository_root
from tradewind.stack.state import StackState


class NothingToMeasure(StackError):
    """The stack doesn't run."""

    def __init__(self) -> None:
        super().__init__("The stack doesn't run: `make demo` in another terminal starts and fills it.")


class NoSuchSection(StackError):
    """A section was asked for that is not measured."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no section {name}; there are {', '.join(one.name for one in data.SECTIONS)}.")


def bench(var: Path) -> None:
    """Measure the running stack, write `var/bench/*.json` and `docs/benchmarks.md`.

    Raises:
        NothingToMeasure: the stack doesn't run.
        NotLoaded: it runs and holds no shop.
    """
    if not is_running(var):
        raise NothingToMeasure
    console, where = Console(), report.machine()
    folder = var / "bench"
    for result in Suite(Settings(_env_file=var / FILE), StackState.read(var).addresses["store"]).run():
        report.write(folder, result.to_json(), where)
        console.print(f"[green]✓[/] {report.TITLES[result.name]}")
        for row in result.rows:
            _print(console, row)
    _write_page(console, folder)


def bench_core(var: Path, *, products: int, seconds: int, workers: int) -> None:
    """Measure the transactional core by itself, write `var/bench/core.json` and `docs/benchmarks.md`.

    Raises:
        ServerFailed, WorkerFailed: something of it did not come up.
    """
    console, folder = Console(), var / "bench"
    console.print(f"Making a shop of {products:,} products, on a Postgres of its own.")
    outcome = measure(
        folder / "core",
        products=products,
        seconds=seconds,
        workers=workers,
        report=lambda row: _print(console, row),
    )
    rush = outcome.rush
    console.print(f"{rush.buyers} buyers for {rush.units:,} units: {rush.ordered:,} ordered, {rush.oversold} oversold.")
    report.write(folder, outcome.to_json(), report.machine())
    _write_page(console, folder)


def bench_data(var: Path, *, products: int, seconds: int, workers: int, only: Sequence[str]) -> None:
    """Measure the data platform by itself, write `var/bench/data.json` and `docs/benchmarks.md`. Sections that are not
    measured now stay as they were.

    Raises:
        NoSuchSection.
        ServerFailed, WorkerFailed, ConsumerFailed: something of it did not come up.
        Behind: events were taken and not carried on.
    """
    if unknown := sorted(set(only) - {section.name for section in data.SECTIONS}):
        raise NoSuchSection(unknown[0])
    console, folder = Console(), var / "bench"

    def told(section: str, row: Row) -> None:
        console.print(f"[dim]{section}[/]", end="")
        _print(console, row)

    result = data.measure(folder / "data", products=products, seconds=seconds, workers=workers, only=only, report=told)
    file = folder / "data.json"
    if only and file.exists():
        result["sections"] = {**orjson.loads(file.read_bytes())["sections"], **result["sections"]}
    report.write(folder, result, report.machine())
    _write_page(console, folder)


def bench_fair(var: Path, *, products: int, seconds: int, workers: int) -> None:
    """Measure what a quiet shop notices of a noisy one, write `var/bench/fair.json` and `docs/benchmarks.md`.

    Raises:
        ServerFailed, WorkerFailed: something of it did not come up.
    """
    console, folder = Console(), var / "bench"
    rows = []
    for row in fair.measure(folder / "fair", products=products, seconds=seconds, workers=workers):
        rows.append(row)
        console.print(
            f"  {row.guards:<18} quiet alone p95 {row.alone.p95:7.1f} ms, beside the noise {row.beside.p95:7.1f} ms;"
            f" noise {row.noise.offered:,.0f}/s, {row.noise.refused:,.0f}/s refused"
        )
    result, where = fair.to_json(rows, products=products, workers=workers), report.machine()
    report.write(folder, result, where)
    _write_page(console, folder)
    sys.stdout.write((folder / "fair.json").read_text(encoding="utf-8"))


def bench_catalogue(var: Path, *, products: int, seconds: int, meaning: bool, pictures: Path | None) -> None:
    """Measure a large catalogue, write `var/bench/catalogue-PRODUCTS.json` and `docs/benchmarks.md`.

    Raises:
        StackFailed: something of its stack did not come up.
        StackError: the folder of pictures is not of the form, or there is no encoder for them.
    """
    # The decision service's index is of no use to the other benchmarks.
    from models.visual_search.dataset import UnreadableFolder  # noqa: PLC0415
    from models.visual_search.encoder import EncoderMissing  # noqa: PLC0415
    from tradewind.bench.catalogue import measure as measure_catalogue  # noqa: PLC0415

    console, folder = Console(), var / "bench"

    try:
        outcome = measure_catalogue(
            folder / f"catalogue-{products}",
            products=products,
            seconds=seconds,
            meaning=meaning,
            pictures=pictures,
            progress=_progress(console),
            report=lambda row: _print(console, row),
        )
    except (UnreadableFolder, EncoderMissing) as fault:
        raise StackError(str(fault)) from fault
    result = outcome.to_json()
    report.write(folder, result, report.machine())
    _write_page(console, folder)
    sys.stdout.write((folder / f"{result['name']}.json").read_text(encoding="utf-8"))


def bench_search(var: Path, *, data: Path, encoder: Path | None) -> None:
    """Measure search on every judged set in `data`, write `var/bench/search.json` and `docs/benchmarks.md`.

    Raises:
        StackError: there is none, one is not of the form, or there is no encoder.
        ServerFailed: Postgres did not come up.
    """
    # NumPy, SciPy and the encoder are of no use to the other benchmarks.
    from models.search.dataset import UnreadableSet, find  # noqa: PLC0415
    from models.search.encoder import EncoderMissing, load  # noqa: PLC0415
    from tradewind.bench.search.measure import measure as measure_search  # noqa: PLC0415

    console, folder = Console(), var / "bench"

    try:
        reads = load(encoder)
        sets = [
            measure_search(one, folder / "search", reads, progress=_progress(console), tell=console.print).to_json()
            for one in find(data)
        ]
    except (UnreadableSet, EncoderMissing) as fault:
        raise StackError(str(fault)) from fault
    report.write(folder, {"name": "search", "sets": sets}, report.machine())
    _write_page(console, folder)
    sys.stdout.write((folder / "search.json").read_text(encoding="utf-8"))


def bench_visual(var: Path, *, data: Path, gallery: Path | None, encoders: Sequence[str]) -> None:
    """Measure visual search on a folder with a folder a class, write `var/bench/visual.json` and `docs/benchmarks.md`.

    The file keeps what was measured on other sets.

    Raises:
        StackError: the folder is not of the form, or an encoder is missing.
    """
    # NumPy and the encoders are of no use to the other benchmarks.
    from models.visual_search import encoder as pictures  # noqa: PLC0415
    from models.visual_search.benchmark import measure as measure_visual  # noqa: PLC0415
    from models.visual_search.dataset import UnreadableFolder  # noqa: PLC0415

    console, folder = Console(), var / "bench"

    asked = {one: partial(pictures.load, one, kept=var / "encoders", threads=1) for one in encoders}
    try:
        outcome = measure_visual(data, asked, gallery=gallery, progress=_progress(console), tell=console.print)
    except (UnreadableFolder, pictures.EncoderMissing) as fault:
        raise StackError(str(fault)) from fault
    others = [one for one in _measured_before(folder / "visual.json") if one["set"] != outcome.name]
    sets = sorted([*others, outcome.to_json()], key=lambda one: str(one["set"]))
    report.write(folder, {"name": "visual", "sets": sets}, report.machine())
    _write_page(console, folder)
    sys.stdout.write((folder / "visual.json").read_text(encoding="utf-8"))


def _measured_before(file: Path) -> list[dict[str, Any]]:
    return list(orjson.loads(file.read_bytes())["sets"]) if file.exists() else []


def bench_import(var: Path, *, products: int) -> None:
    """Measure how fast products come in by a file, write `var/bench/import.json` and `docs/benchmarks.md`.

    Raises:
        ServerFailed: Postgres did not come up.
    """
    console, folder = Console(), var / "bench"

    measured = imports.measure(folder / "import", products=products, progress=_progress(console, "bytes, "))
    report.write(folder, measured.to_json(), report.machine())
    _write_page(console, folder)
    sys.stdout.write((folder / "import.json").read_text(encoding="utf-8"))


def _progress(console: Console, of: str = "") -> Progress:
    def tell(done: float, total: float | None = None, note: str = "") -> None:
        console.print(f"  {done:,.0f}{f' of {total:,.0f}' if total else ''} {of}{note}", end="\r")

    return tell


def _print(console: Console, row: Row) -> None:
    beside = f", {row.ratio:.0%} of the floor" if row.ratio is not None else ""
    used = f"  CPU {row.cpu.api:.2f} + {row.cpu.postgres:.2f} ms" if row.cpu else ""
    ours = row.ours
    console.print(
        f"  {row.what:<36} {ours.clients:>3} clients  {ours.per_second:>8,.0f}/s"
        f"  p50 {ours.p50:7.1f}  p95 {ours.p95:7.1f}  p99 {ours.p99:7.1f} ms{used}{beside}"
    )


def _write_page(console: Console, folder: Path) -> None:
    page = repository_root() / "docs" / "benchmarks.md"
    page.write_text(report.page(folder), encoding="utf-8")
    console.print(f"Written: {folder}/*.json and {page}")
