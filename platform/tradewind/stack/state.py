"""What a running stack says of itself in `var/stack.json`, for `tradewind status` and the next `tradewind up`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Self

from tradewind.passwords import write_private

FILE = "stack.json"


class Phase(StrEnum):
    """Where a stack is in its life."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(slots=True)
class ServiceState:
    """One process as its supervisor last saw it."""

    state: str
    pid: int | None = None
    address: str | None = None
    crashes: int = 0
    log: str | None = None


@dataclass(slots=True)
class StackState:
    """A stack as its supervisor last saw it."""

    pid: int = 0
    phase: str = Phase.STOPPED
    address: str | None = None
    """Where the store is."""
    addresses: dict[str, str] = field(default_factory=dict)
    """Where a person finds the store and the tools behind it."""
    services: dict[str, ServiceState] = field(default_factory=dict)
    outside: dict[str, str] = field(default_factory=dict)
    """Engines that run elsewhere, each with the variable that names it."""
    problem: str | None = None
    """Why the stack stopped, when it wasn't told to."""

    @classmethod
    def read(cls, var: Path) -> Self:
        """The state in `var`; a stopped stack when there is none."""
        try:
            found = json.loads((var / FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls()
        services = {name: ServiceState(**service) for name, service in found.pop("services").items()}
        return cls(**found, services=services)

    def write(self, var: Path) -> None:
        """Put it in `var`; a reader sees the old state or the new."""
        write_private(var / FILE, json.dumps(asdict(self), indent=2) + "\n")
