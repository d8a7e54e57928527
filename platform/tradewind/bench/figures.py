"""Figures of a series of timings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figures:
    """How many a second, and how long one took, in milliseconds."""

    clients: int
    done: int
    per_second: float
    p50: float
    p95: float
    p99: float
    failed: int = 0


def figures(clients: int, milliseconds: Sequence[float], seconds: float, failed: int = 0) -> Figures:
    """Sum up what `clients` got done in `seconds`.

    Raises:
        ValueError: nothing was done.
    """
    if not milliseconds:
        raise ValueError(f"Nothing was done by {clients} clients; {failed} failed.")
    ordered = sorted(milliseconds)
    p50, p95, p99 = (percentile(ordered, share) for share in (0.50, 0.95, 0.99))
    return Figures(clients, len(ordered), len(ordered) / seconds, p50, p95, p99, failed)


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that `share` of the ascending values don't exceed (nearest rank)."""
    rank = max(1, -(-len(ordered) * share // 1))
    return ordered[int(rank) - 1]
