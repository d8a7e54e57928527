"""Ports, chosen once and kept while they are free, so that an address in a bookmark stays right."""

from __future__ import annotations

import json
from pathlib import Path

from tradewind.passwords import write_private
from tradewind.processes import free_port, port_is_free

_TRIED = 100


class Ports:
    """The ports of one stack, remembered in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, int] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self._given: set[int] = set()

    def choose(self, name: str, preferred: int | None = None) -> int:
        """A free port for `name`: last time's, else the preferred one or the next after it, else any."""
        port = next((port for port in self._candidates(name, preferred) if self._is_ours_to_take(port)), None)
        while port is None or port in self._given:
            port = free_port()
        self._given.add(port)
        if self._known.get(name) != port:
            self._known[name] = port
            write_private(self._path, json.dumps(self._known, indent=2, sort_keys=True) + "\n")
        return port

    def _candidates(self, name: str, preferred: int | None) -> list[int]:
        remembered = [self._known[name]] if name in self._known else []
        if preferred is None:
            return remembered
        return [*remembered, *range(preferred, preferred + _TRIED)]

    def _is_ours_to_take(self, port: int) -> bool:
        return port not in self._given and port_is_free(port)
