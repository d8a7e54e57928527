"""Who used the processors: the time of a process and all below it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Cpu:
    """Milliseconds of a processor that one operation took: of the API's workers, of Postgres, of the load itself."""

    api: float
    postgres: float
    load: float


def seconds(pids: Iterable[int]) -> float:
    """The processor time of these processes, of all below them, and of those of them that have ended."""
    used = 0.0
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            root = psutil.Process(pid)
            for process in (root, *root.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    times = process.cpu_times()
                    used += times.user + times.system + times.children_user + times.children_system
    return used
