"""What is asked for most, counted once and kept right: the products of a large category or collection, and
of the whole shop.

Counting a few hundred thousand products takes tens of milliseconds, and a product that changes moves a handful of the
counts by one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from models.arrays import Ints

SMALLEST = 5_000
"""Products of a scope that is worth a tally: fewer are counted as fast as a tally is found."""
MOST = 256
"""Scopes of a tenant that are kept, the least asked for forgotten first."""

Scope = str | None
"""The id of a category or of a collection; `None` is the whole shop."""
Codes = Mapping[str, Sequence[int]]
"""The codes of a product's values, by the facet: of those that it has."""


class Coded(Protocol):
    """A facet as the columns hold it."""

    codes: NDArray[np.int32]

    def counts(self, rows: Ints | slice) -> Ints:
        """How many of the products have each value, by its code."""


class Counted(NamedTuple):
    """A facet over some products."""

    counts: Ints
    """Products that have each value, by its code; the first is of no value, and means nothing."""
    having: int
    """Products that have any."""

    @classmethod
    def of(cls, facet: Coded, rows: Ints | slice) -> Counted:
        """Count it."""
        return cls(facet.counts(rows), int(np.count_nonzero(facet.codes[0, rows])))


_NOTHING = Counted(np.zeros(1, np.int64), 0)


@dataclass(slots=True)
class Tally:
    """The products of a scope, and how many of them have what."""

    rows: Ints | None
    """Ascending; `None` once one came or went."""
    facets: dict[str, Counted]

    @classmethod
    def of(cls, facets: Mapping[str, Coded], rows: Ints) -> Tally:
        """Count everything."""
        return cls(rows, {name: Counted.of(facet, rows) for name, facet in facets.items()})

    def move(self, held: Codes, by: int) -> None:
        """There is one more (1), or one less (-1), that has these values."""
        for name, codes in held.items():
            counts, having = self.facets.get(name, _NOTHING)
            lacking = max(codes) + 1 - len(counts)
            # What was given out is somebody's: it is not written in.
            counts = np.concatenate([counts, np.zeros(max(lacking, 0), np.int64)])
            counts[list(codes)] += by
            self.facets[name] = Counted(counts, having + by)


@dataclass(slots=True)
class Tallies:
    """Those of a tenant. Whoever changes the columns says what becomes of each product."""

    _of: OrderedDict[Scope, Tally] = field(default_factory=OrderedDict)

    def __bool__(self) -> bool:
        return bool(self._of)

    def find(self, scope: Scope) -> Tally | None:
        """A scope's, where it is kept."""
        tally = self._of.get(scope)
        if tally is not None:
            self._of.move_to_end(scope)
        return tally

    def keep(self, scope: Scope, tally: Tally) -> None:
        """Keep one."""
        self._of[scope] = tally
        if len(self._of) > MOST:
            self._of.popitem(last=False)

    def move(self, scopes: Iterable[Scope], held: Codes, by: int) -> None:
        """A product of these scopes has these values from now on (1), or no more (-1)."""
        for tally in self._those(scopes):
            tally.move(held, by)

    def stir(self, scopes: Iterable[Scope]) -> None:
        """A product came into these scopes, or left them."""
        for tally in self._those(scopes):
            tally.rows = None

    def _those(self, scopes: Iterable[Scope]) -> Iterable[Tally]:
        return [self._of[scope] for scope in scopes if scope in self._of]
