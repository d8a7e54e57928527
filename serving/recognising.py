"""Which brands of a tenant's a query names, and what follows from it: what is of them goes before what is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np

from foundation.search import BRAND, Recognised
from models.search.analysis import words
from models.search.recognising import Names
from serving import selecting
from serving.columns import Columns
from serving.selecting import Result

NUDGE = 0.005
"""What is of a brand that is named gains so much score: some places among the best, which are `fused` by their ranks,
and never more than the words themselves are worth."""


@dataclass(slots=True)
class Brands:
    """The names of each tenant's brands, read anew when there are more."""

    _known: dict[UUID, tuple[int, Names]] = field(default_factory=dict)

    def of(self, tenant_id: UUID, columns: Columns) -> Names:
        """The tenant's."""
        there = columns.facets.get(BRAND)
        values: Sequence[str] = () if there is None else there.values
        known = self._known.get(tenant_id)
        if known is None or known[0] != len(values):
            known = self._known[tenant_id] = len(values), Names.of((value, value) for value in values)
        return known[1]


def recognised(names: Names, query: str) -> list[Recognised]:
    """What a query names."""
    return [Recognised(facet="brand", value=value) for value in names.named(query)]


def favoured(columns: Columns, result: Result, named: Sequence[Recognised], query: str) -> Result:
    """The result with what is of a named brand further up, where the query asks for something of it.

    The brand's name alone is answered by its words: what says it most is not always what is of it.
    """
    if not named or sum(len(words(one.value)) for one in named) == len(words(query)):
        return result
    of_it = np.zeros(columns.size, np.bool_)
    for one in named:
        of_it |= selecting.having(columns, BRAND, one.value)
    return Result(result.rows, result.keys - NUDGE * of_it[result.rows])
