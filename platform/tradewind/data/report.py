"""What a load did: rows and rows a second by table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter


@dataclass(slots=True)
class TableLoad:
    """One table: how many rows the source has for it, how many were new, and how long they took."""

    table: str
    rows: int
    inserted: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """New rows a second."""
        return self.inserted / self.seconds if self.seconds else 0.0


@dataclass(slots=True)
class LoadReport:
    """A load of one tenant."""

    tenant: str
    tables: dict[str, TableLoad] = field(default_factory=dict)
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    @property
    def inserted(self) -> int:
        """New rows in all tables."""
        return sum(table.inserted for table in self.tables.values())

    def add(self, table: str, rows: int, inserted: int, seconds: float) -> None:
        """Count a part of a table."""
        entry = self.tables.setdefault(table, TableLoad(table, 0))
        entry.rows += rows
        entry.inserted += inserted
        entry.seconds += seconds


@contextmanager
def timed(report: LoadReport) -> Iterator[None]:
    """Measure the load as a whole."""
    start = perf_counter()
    try:
        yield
    finally:
        report.seconds += perf_counter() - start
