"""Which of a tenant's brands and categories a query names, and what follows: what is of them goes first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

import numpy as np

from foundation.search import BRAND, CATEGORY, Recognised
from models.arrays import Flags
from models.search.analysis import words
from models.search.recognising import Names, Phrase, Thing, named
from serving.columns import Columns
from serving.selecting import Result

NUDGES = {BRAND: 0.005, CATEGORY: 0.001}
"""What is of something that is named gains so much score: some places among the best, which are `fused` by their ranks,
and never more than the words themselves are worth. What is in a category goes before what answers about as well (the
figures are in the decision on steering)."""
MOST_OF_A_NAME = 5
"""How many things of one name are told at most: those that most of the result is of."""


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
            known = self._known[tenant_id] = len(values), Names.of((Thing(BRAND, value), value) for value in values)
        return known[1]


class _Meant(NamedTuple):
    """A phrase of the query, and what the result has of it."""

    phrase: Phrase
    having: Sequence[tuple[Thing, Flags]]
    """Which places of the result are of each thing, of the most first; none that nothing is of."""


def recognised(
    columns: Columns, result: Result, query: str, brands: Names, categories: Names
) -> tuple[Result, list[Recognised]]:
    """What a query names, and the result with what is of it further up, where more is asked for than that.

    A name alone is answered by its words: what says it most is not always what is of it.
    """
    meant = [_meant(columns, result, phrase) for phrase in named(query, brands, categories)]
    keys = result.keys
    for phrase, having in meant:
        if having and phrase.words < len(words(query)):
            keys = keys - np.maximum.reduce([NUDGES[thing.facet] * fits for thing, fits in having])
    told = dict.fromkeys(thing for _, having in meant for thing, _ in having[:MOST_OF_A_NAME])
    return Result(result.rows, keys), [Recognised(facet=one.facet, value=one.value) for one in told]


def _meant(columns: Columns, result: Result, phrase: Phrase) -> _Meant:
    facets = ((thing, columns.facets.get(thing.facet)) for thing in phrase.things)
    flags = [(thing, facet.fits(result.rows, [thing.value])) for thing, facet in facets if facet is not None]
    having = [(thing, fits) for thing, fits in flags if fits.any()]
    return _Meant(phrase, sorted(having, key=lambda one: -int(np.count_nonzero(one[1]))))
