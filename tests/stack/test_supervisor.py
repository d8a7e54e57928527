"""The supervisor, with services that are a line of shell."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pytest

from tests.waiting import until
from tradewind.processes import Launch, is_alive
from tradewind.stack.service import Service
from tradewind.stack.supervisor import MAX_QUICK_CRASHES, Running, State, Supervisor

PATIENCE = 20.0


class Notes:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.ready_order: list[str] = []
        self.crashes: list[tuple[str, str, str]] = []
        self.last_words: list[tuple[str, str]] = []

    def ready(self, service: Running) -> None:
        self.ready_order.append(service.name)

    def crashed(self, service: Running, reason: str, last_lines: str, pause: float) -> None:
        self.crashes.append((service.name, reason, last_lines))

    def gave_up(self, sentence: str, last_lines: str) -> None:
        self.last_words.append((sentence, last_lines))

    def changed(self, services: Sequence[Running]) -> None:
        pass


def shell(name: str, script: str, **options: object) -> Service:
    return Service(name, lambda: Launch(["/bin/sh", "-c", script]), settle=0.1, **options)  # type: ignore[arg-type]


def run_until(supervisor: Supervisor, condition: Callable[[], bool]) -> None:
    """Run the stack until the condition holds; the main thread is the supervisor's, as in life."""

    came_to_be = threading.Event()

    def watch() -> None:
        deadline = time.monotonic() + PATIENCE
        while not came_to_be.is_set() and time.monotonic() < deadline:
            if condition():
                came_to_be.set()
            time.sleep(0.01)
        supervisor.request_stop()

    watcher = threading.Thread(target=watch)
    watcher.start()
    supervisor.run()
    watcher.join()
    assert came_to_be.is_set(), "it never came to be"


def test_services_start_in_the_order_of_their_needs_and_stop_in_reverse(tmp_path: Path) -> None:
    notes, diary = Notes(), tmp_path / "diary"
    script = f"trap 'echo $0 >> {diary}; exit 0' TERM; while :; do sleep 0.02; done"
    services = [
        Service(name, lambda name=name: Launch(["/bin/sh", "-c", script, name]), settle=0.1, needs=needs)  # type: ignore[misc]
        for name, needs in (("shop", ["engine", "model"]), ("model", ["engine"]), ("engine", []))
    ]
    supervisor = Supervisor(services, tmp_path, notes)

    run_until(supervisor, lambda: supervisor.all_ready)

    assert notes.ready_order == ["engine", "model", "shop"]
    assert diary.read_text().split() == ["shop", "model", "engine"]


def test_a_crash_is_reported_with_the_end_of_the_log_and_the_service_restarted(tmp_path: Path) -> None:
    notes, marker = Notes(), tmp_path / "crashed"
    script = f"if [ -e {marker} ]; then exec sleep 60; fi; touch {marker}; echo the disk is full; sleep 0.3; exit 3"
    supervisor = Supervisor([shell("writer", script)], tmp_path, notes)

    run_until(supervisor, lambda: bool(notes.crashes) and supervisor.all_ready)

    name, reason, last_lines = notes.crashes[0]
    assert (name, reason) == ("writer", "ended with status 3")
    assert "the disk is full" in last_lines
    assert supervisor.problem is None


def test_a_crash_loop_stops_the_whole_stack_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradewind.stack.supervisor.FIRST_PAUSE", 0.01)
    notes = Notes()
    broken, sound = shell("broken", "echo no such table; exit 1"), shell("sound", "exec sleep 60")
    supervisor = Supervisor([broken, sound], tmp_path, notes)

    supervisor.run()

    assert len(notes.crashes) == MAX_QUICK_CRASHES - 1
    [(sentence, last_lines)] = notes.last_words
    assert sentence == supervisor.problem
    assert sentence.startswith("broken ended with status 1")
    assert "no such table" in last_lines
    assert all(running.state is State.STOPPED for running in supervisor.services.values())


def test_a_service_that_never_answers_is_a_crash(tmp_path: Path) -> None:
    notes = Notes()
    mute = shell("mute", "exec sleep 60", ready=lambda: False, start_within=0.3)
    supervisor = Supervisor([mute], tmp_path, notes)

    run_until(supervisor, lambda: bool(notes.crashes))

    assert notes.crashes[0][:2] == ("mute", "did not answer within 0 s")


def test_a_failing_preparation_is_reported_by_its_message(tmp_path: Path) -> None:
    def prepare() -> None:
        raise RuntimeError("no room on the disk")

    notes = Notes()
    supervisor = Supervisor([shell("engine", "exec sleep 60", prepare=prepare)], tmp_path, notes)

    run_until(supervisor, lambda: bool(notes.crashes))

    assert notes.crashes[0][1] == "could not start: no room on the disk"


def test_a_task_is_ready_when_it_has_ended_well(tmp_path: Path) -> None:
    notes = Notes()
    task = shell("migrations", "sleep 0.2", ends=True)
    supervisor = Supervisor([task, shell("shop", "exec sleep 60", needs=["migrations"])], tmp_path, notes)

    run_until(supervisor, lambda: supervisor.all_ready)

    assert notes.ready_order == ["migrations", "shop"]


def test_what_ignores_a_polite_signal_is_killed(tmp_path: Path) -> None:
    notes = Notes()
    stubborn = shell("stubborn", "trap '' TERM; while :; do sleep 0.05; done", stop_within=0.3)
    supervisor = Supervisor([stubborn], tmp_path, notes)
    pids: list[int] = []

    def ready() -> bool:
        process = supervisor.services["stubborn"].process
        if supervisor.all_ready and process is not None:
            pids.append(process.pid)
        return bool(pids)

    run_until(supervisor, ready)

    assert not is_alive(pids[0])


def test_an_unknown_need_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Needed, but not declared: ghost"):
        Supervisor([shell("shop", "sleep 1", needs=["ghost"])], tmp_path, Notes())


STACK = """
import signal, sys
from pathlib import Path
from tests_notes import Notes
from tradewind.processes import Launch
from tradewind.stack.service import Service
from tradewind.stack.supervisor import Supervisor

folder = Path(sys.argv[1])
# The service starts a process of its own, which outlives it unless somebody stops the group.
script = f"sleep 300 & echo $$ $! > {folder}/pids.$0.draft; mv {folder}/pids.$0.draft {folder}/pids.$0; wait"
services = [
    Service(name, lambda name=name: Launch(["/bin/sh", "-c", script, name]), settle=0.1) for name in ("one", "two")
]
supervisor = Supervisor(services, folder, Notes())
for sig in (signal.SIGINT, signal.SIGTERM):
    signal.signal(sig, lambda *_: supervisor.request_stop())
supervisor.run()
"""


@pytest.fixture
def stack(tmp_path: Path) -> subprocess.Popen[bytes]:
    (tmp_path / "tests_notes.py").write_text(
        textwrap.dedent(
            """
            class Notes:
                def ready(self, *_): ...
                def crashed(self, *_): ...
                def gave_up(self, *_): ...
                def changed(self, *_): ...
            """
        )
    )
    (tmp_path / "stack.py").write_text(STACK)
    return subprocess.Popen([sys.executable, str(tmp_path / "stack.py"), str(tmp_path)])


def started_by(folder: Path) -> list[psutil.Process]:
    files = [folder / "pids.one", folder / "pids.two"]
    until(lambda: all(file.exists() for file in files))
    return [psutil.Process(int(pid)) for file in files for pid in file.read_text().split()]


def is_gone(process: psutil.Process) -> bool:
    """Dead, or a zombie that nobody has collected; its number may be another's by now."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda blow: blow.name)
def test_no_process_outlives_the_supervisor(
    stack: subprocess.Popen[bytes], tmp_path: Path, blow: signal.Signals
) -> None:
    processes = started_by(tmp_path)
    assert not any(is_gone(one) for one in processes)

    os.kill(stack.pid, blow)
    stack.wait()

    until(lambda: all(is_gone(one) for one in processes))
