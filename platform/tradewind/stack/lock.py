"""One stack a folder, by locks that the system itself lets go of, however their holder ended."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tradewind.errors import StackError
from tradewind.stack.state import StackState

_SUPERVISOR = "stack.lock"
_PROCESSES = "processes.lock"


class AlreadyRunning(StackError):
    """Another `tradewind up` has this folder."""

    def __init__(self, state: StackState) -> None:
        where = f": {state.address}" if state.address else "."
        super().__init__(f"Tradewind is already running as process {state.pid}{where}")
        self.state = state


class RemainsAlive(StackError):
    """A stack was killed, and what it had started can't be stopped."""

    def __init__(self, var: Path) -> None:
        super().__init__(f"Processes of a killed stack still run; see the ids in {var / 'stack.json'}.")


@contextmanager
def claim(var: Path, *, patience: float = 20.0) -> Iterator[int]:
    """Hold the folder for one supervisor.

    Gives the descriptor of a second lock, which the guard shares: while the guard stops what a killed supervisor left,
    the next one waits here.

    Raises:
        AlreadyRunning: when a live supervisor has it.
        RemainsAlive: when a dead one's processes are not gone after `patience` seconds.
    """
    var.mkdir(parents=True, exist_ok=True)
    with _opened(var / _SUPERVISOR) as supervisor, _opened(var / _PROCESSES) as processes:
        if not _locked(supervisor):
            raise AlreadyRunning(StackState.read(var))
        deadline = time.monotonic() + patience
        while not _locked(processes):
            if time.monotonic() > deadline:
                raise RemainsAlive(var)
            time.sleep(0.05)
        yield processes


def is_running(var: Path) -> bool:
    """Whether a supervisor has the folder."""
    if not var.exists():
        return False
    with _opened(var / _SUPERVISOR) as descriptor:
        return not _locked(descriptor)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
