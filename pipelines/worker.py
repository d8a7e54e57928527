"""A worker's life: connect, take turns until told to stop, and connect anew when an engine goes away."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

import structlog

log = structlog.get_logger(__name__)

RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0)


class Worker(Protocol):
    """Something with connections that does its work turn by turn."""

    def turn(self, stop: threading.Event) -> None:
        """Do what there is to do, or wait a moment for it; no longer once `stop` is set."""

    def close(self) -> None:
        """Let go of the connections."""


def keep(name: str, connect: Callable[[], Worker], faults: tuple[type[Exception], ...], stop: threading.Event) -> None:
    """Take turns until `stop` is set; after one of `faults` connect anew, later each time until a turn succeeds."""
    failures = 0
    while not stop.is_set():
        worker: Worker | None = None
        try:
            worker = connect()
            log.info("worker.connected", worker=name)
            while not stop.is_set():
                worker.turn(stop)
                failures = 0
        except faults as fault:
            pause = RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)]
            failures += 1
            reason = str(fault).strip().splitlines()[:1]
            log.warning("worker.interrupted", worker=name, error=reason, retry_in_seconds=pause)
            stop.wait(pause)
        finally:
            if worker is not None:
                worker.close()


def keep_each(
    name: str,
    databases: Iterable[str],
    connect: Callable[[str], Worker],
    faults: tuple[type[Exception], ...],
    stop: threading.Event,
) -> None:
    """A worker for each database until `stop` is set, each by itself: that one is away holds no other up."""
    threads = [
        threading.Thread(
            target=keep,
            args=(f"{name} {database}".rstrip(), partial(connect, database), faults, stop),
            name=f"{name}-{database}",
        )
        for database in databases
    ]
    for thread in threads:
        thread.start()
    try:
        stop.wait()
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def until_signalled() -> threading.Event:
    """An event that SIGTERM or SIGINT sets."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
