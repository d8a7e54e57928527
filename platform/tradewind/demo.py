"""`make demo`: the whole platform on real data, in one command."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from foundation.progress import Progress
from foundation.settings import Settings
from tradewind.line import run_line
from tradewind.passwords import write_private
from tradewind.processes import stop
from tradewind.stack.console import addresses
from tradewind.stack.lock import is_running
from tradewind.stack.state import StackState
from tradewind.stack.up import LOG, StackFailed, start_supervisor, wait_until_up

RECORD = "demo.json"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing the demo needs, done once.

    `run` does it, and may be run again after it failed half-way. `done` says whether it is there: a step that was
    recorded as finished and is still there is skipped.
    """

    name: str
    run: Callable[[Progress], None]
    done: Callable[[], bool] = lambda: True


@dataclass(slots=True)
class Record:
    """Which steps are finished, kept in the stack's folder."""

    path: Path
    finished: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, var: Path) -> Record:
        """The record in `var`; empty when there is none."""
        path = var / RECORD
        return cls(path, json.loads(path.read_text(encoding="utf-8")) if path.exists() else {})

    def add(self, step: Step) -> None:
        """Remember that a step is finished."""
        self.finished[step.name] = datetime.now(UTC).isoformat(timespec="seconds")
        write_private(self.path, json.dumps(self.finished, indent=2) + "\n")


def steps(var: Path) -> list[Step]:
    """What fills the stack in `var`, in order."""
    settings = Settings(_env_file=var / "stack.env", var_dir=var.absolute())

    # Each imports its libraries when it runs: a stack that is full already has no use for them.
    def load(progress: Progress) -> None:
        from tradewind.data.journey import load_complete_journey  # noqa: PLC0415

        load_complete_journey(settings, progress=progress)

    def deliver(progress: Progress) -> None:
        from pipelines.relay import wait_until_delivered  # noqa: PLC0415

        wait_until_delivered(settings, progress)

    def sell(progress: Progress) -> None:
        from tradewind.data.tenants import GROCER  # noqa: PLC0415
        from tradewind.data.trading import trade  # noqa: PLC0415

        trade(settings, GROCER.slug, progress)

    def employ(progress: Progress) -> None:
        from tradewind.data.people import employ  # noqa: PLC0415
        from tradewind.data.tenants import GROCER  # noqa: PLC0415

        employ(settings, GROCER.slug, progress)

    return [
        Step("A grocer's year", load),
        Step("Its events to ClickHouse", deliver),
        Step("Features, model, index", lambda progress: run_line(var, progress)),
        Step("Days at the till", sell),
        Step("People who work there", employ),
    ]


def run_steps(todo: Sequence[Step], record: Record, console: Console) -> None:
    """Run what is not there yet, a bar for each step."""
    columns = (
        SpinnerColumn(finished_text="[green]✓[/]"),
        TextColumn("{task.description}"),
        BarColumn(20),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[note]}"),
    )
    with Bars(*columns, console=console) as bars:
        for step in todo:
            if step.name in record.finished and step.done():
                continue
            task = bars.add_task(step.name, total=None, note="")
            step.run(_show_in(bars, task))
            total = bars.tasks[task].total or 1
            bars.update(task, total=total, completed=total, note="")
            record.add(step)


def demo(var: Path) -> None:
    """Bring the stack up, run the steps, print one screen, and stay until Ctrl-C. A stack that runs already is used.

    Raises:
        StackFailed: when the stack did not come up or went down.
    """
    console = Console()
    signal.signal(signal.SIGTERM, _interrupt)
    stack = None if is_running(var) else start_supervisor(var, outlives_us=False)
    try:
        state = _wait_with_bar(var, stack, console) if stack else StackState.read(var)
        seen = _log_size(var)
        run_steps(steps(var), Record.read(var), console)
        console.print(screen(state, ours=stack is not None))
        if stack is not None:
            _follow(var / "log" / LOG, seen, stack, console)
            raise StackFailed(StackState.read(var).problem or "The stack was stopped.")
    except KeyboardInterrupt:
        console.print("Stopping ...")
    finally:
        if stack is not None:
            stop(stack, signal.SIGTERM, patience=60)


def screen(state: StackState, *, ours: bool) -> Panel:
    """What runs, where, what to try, and how to stop it."""
    where = "\n".join(f"  {name:<15} {address}" for name, address in addresses(state).items())
    tries = "\n".join(
        f"  - {line}"
        for line in (
            "search for a few words, open a product, put it in the cart, pay with the test card, see the order",
            "sign in as one of the households: the home page is another for each",
            "create an account: the mail with its link arrives in the mailbox",
            "put things in the cart: within 5 seconds the recommendations change",
            "sign in as one of those below at /back-office: each may do something else",
            "`tradewind status` in another terminal: health, event lag, rows",
        )
    )
    ending = "Ctrl-C stops everything." if ours else "`tradewind down` stops everything."
    parts = (f"[bold]What runs[/]\n{where}", f"[bold]What to try[/]\n{tries}", _people())
    body = "\n\n".join((*parts, f"{ending} A second `make demo` is quick."))
    return Panel(body, title="Tradewind", border_style="green", expand=False)


def _people() -> str:
    from tradewind.data.people import PASSWORD, PEOPLE  # noqa: PLC0415  (it brings the core along)

    who = "\n".join(f"  {person.email:<28} {person.role.replace('_', ' ')}" for person in PEOPLE)
    return f"[bold]Who works at the grocer's[/], password: {PASSWORD}\n{who}"


def _wait_with_bar(var: Path, stack: subprocess.Popen[bytes], console: Console) -> StackState:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=console, transient=True) as bars:
        task = bars.add_task("Starting the engines", total=None)

        def tick(state: StackState) -> None:
            ready = sum(service.state == "ready" for service in state.services.values())
            bars.update(task, completed=ready, total=len(state.services) or None)

        state = wait_until_up(var, stack, tick=tick)
    console.print(f"[green]✓[/] {len(state.services)} services are up")
    return state


def _show_in(bars: Bars, task: TaskID) -> Progress:
    def progress(done: float, total: float | None = None, note: str = "") -> None:
        bars.update(task, completed=done, total=total, note=note)

    return progress


def _follow(log: Path, seen: int, stack: subprocess.Popen[bytes], console: Console) -> None:
    """Pass on what the supervisor says until it ends."""
    with log.open("rb") as file:
        file.seek(seen)
        while True:
            ended = stack.poll() is not None
            if news := file.read().decode("utf-8", "replace"):
                console.out(news, end="", highlight=False)
            if ended:
                return
            time.sleep(0.2)


def _log_size(var: Path) -> int:
    log = var / "log" / LOG
    return log.stat().st_size if log.exists() else 0


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
