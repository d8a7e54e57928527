"""Several ranked lists as one."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

SMOOTHING = 60
"""Reciprocal rank fusion's k, as in Cormack, Clarke and Büttcher (SIGIR 2009)."""

Thing = TypeVar("Thing", bound=Hashable)


def reciprocal_ranks(lists: Iterable[tuple[Sequence[Thing], float]]) -> dict[Thing, float]:
    """What each thing scores by its places in the lists, best first, each list with its weight."""
    scores: dict[Thing, float] = {}
    for ranked, weight in lists:
        for rank, thing in enumerate(ranked, start=1):
            scores[thing] = scores.get(thing, 0.0) + weight / (SMOOTHING + rank)
    return scores
