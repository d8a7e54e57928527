"""The commands `tradewind data ...`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from foundation.progress import Progress as Tick
from foundation.settings import Settings
from tradewind.data.fashion import load_fashion
from tradewind.data.journey import load_complete_journey
from tradewind.data.promotions import load_promotions
from tradewind.data.report import LoadReport

app = typer.Typer(help="Load a retailer's data as a tenant.", no_args_is_help=True, add_completion=False)


class Source(StrEnum):
    """What can be loaded."""

    GROCER = "grocer"
    FASHION = "fashion"


@app.callback()
def commands() -> None:
    """Load a retailer's data as a tenant."""


@app.command()
def load(
    what: Annotated[
        Source, typer.Argument(help="`grocer` comes with the package; `fashion` needs --path.")
    ] = Source.GROCER,
    *,
    path: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="The folder of the fashion catalogue.")
    ] = None,
    households: Annotated[int | None, typer.Option(min=1, help="Only the first so many households.")] = None,
    promotions: Annotated[
        bool, typer.Option(help="Also the 20.9 million rows of what was promoted, into ClickHouse.")
    ] = True,
) -> None:
    """Load a catalogue and its history. Loading again changes nothing."""
    settings, console = Settings(), Console()
    if what is Source.FASHION:
        if path is None:
            raise typer.BadParameter("say where the catalogue is", param_hint="--path")
        folder = path
        _show(console, "Fashion", lambda tick: load_fashion(settings, folder, progress=tick))
        return
    _show(
        console, "The grocer's year", lambda tick: load_complete_journey(settings, households=households, progress=tick)
    )
    if promotions and households is None and settings.clickhouse_url is not None:
        _show(console, "Promotions", lambda tick: load_promotions(settings, progress=tick))


def _show(console: Console, name: str, run: Callable[[Tick], LoadReport]) -> None:
    with progress_bar(console, name) as tick:
        report = run(tick)
    table = Table("table", title=f"{report.tenant}: {report.inserted:,} new rows in {report.seconds:,.1f} s")
    for heading in ("rows", "new", "seconds", "rows/s"):
        table.add_column(heading, justify="right")
    for entry in report.tables.values():
        rate = f"{entry.rate:,.0f}" if entry.inserted else ""
        table.add_row(entry.table, f"{entry.rows:,}", f"{entry.inserted:,}", f"{entry.seconds:.1f}", rate)
    console.print(table)
    for note in report.notes:
        console.print(note)


@contextmanager
def progress_bar(console: Console, name: str) -> Iterator[Tick]:
    """A bar of what is being done, moved by whoever does it."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, TextColumn("{task.fields[note]}"), console=console) as bars:
        task: TaskID = bars.add_task(name, total=None, note="")

        def tick(done: float, total: float | None = None, note: str = "") -> None:
            bars.update(task, completed=done, total=total, note=note)

        yield tick
