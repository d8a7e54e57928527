"""What the supervisor needs to know about a process, and the ways to ask whether it serves."""

from __future__ import annotations

import http.client
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tradewind.engines.server import LocalServer
from tradewind.processes import LOOPBACK, Launch


def _nothing() -> None:
    return


@dataclass(frozen=True, slots=True)
class Service:
    """A process of the stack.

    It starts when all it `needs` are ready, and is ready when `ready` says so; without a probe, when it has lived for
    `settle` seconds. One with `ends` set does its work and exits: it is ready when it has exited with status 0.
    """

    name: str
    launch: Callable[[], Launch]
    ready: Callable[[], bool] | None = None
    needs: Sequence[str] = ()
    prepare: Callable[[], None] = _nothing
    """Runs before each start."""
    provision: Callable[[], None] = _nothing
    """Runs once it answers, before it counts as ready."""
    ends: bool = False
    settle: float = 1.0
    start_within: float = 90.0
    stop_within: float = 15.0
    address: str | None = None
    """Where a person or a client finds it."""


@dataclass(frozen=True, slots=True)
class Frugal:
    """The environment of a process that shares a small machine: how many threads its numeric libraries start."""

    threads: int = 1
    extra: Mapping[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """The variables that OpenMP, OpenBLAS, MKL, Polars and the C library read."""
        threads = str(self.threads)
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
        return {**dict.fromkeys(names, threads), "MALLOC_ARENA_MAX": "2", "PYTHONUNBUFFERED": "1", **self.extra}


def python(
    *arguments: str, environment: Mapping[str, str], directory: Path | None = None, threads: int = 1
) -> Callable[[], Launch]:
    """A launch of `python -m ...` with this interpreter."""
    launch = Launch(
        [sys.executable, "-m", *arguments],
        environment={**Frugal(threads).environment(), **environment},
        directory=directory,
    )
    return lambda: launch


def supervised(server: LocalServer, *, address: str | None = None, needs: Sequence[str] = ()) -> Service:
    """An engine of ours as a service."""
    return Service(
        name=server.name,
        launch=server.launch,
        ready=server.answers,
        needs=needs,
        prepare=server.prepare,
        provision=server.provision,
        stop_within=30.0,
        address=address or f"{LOOPBACK}:{server.port}",
    )


def listens(port: int) -> Callable[[], bool]:
    """A probe: something accepts connections on the port."""

    def probe() -> bool:
        try:
            with socket.create_connection((LOOPBACK, port), timeout=1):
                return True
        except OSError:
            return False

    return probe


def answers_http(port: int, path: str = "/") -> Callable[[], bool]:
    """A probe: the path is answered with a status below 500."""

    def probe() -> bool:
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2)
        try:
            connection.request("GET", path)
            return connection.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return probe
