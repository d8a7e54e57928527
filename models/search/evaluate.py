"""How good a way to search is: its grades, query by query, on a judged set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.arrays import Doubles
from models.intervals import Interval, mean_interval
from models.search import metrics
from models.search.blending import best
from models.search.dataset import JudgedSet
from models.search.spec import FIRST, POOL, Metric

Search = Callable[[str], Doubles]
"""The score of each product of the set for one of its queries; minus infinity for one that is not found."""


@dataclass(frozen=True, slots=True)
class Report:
    """How one way to search did."""

    by_query: Mapping[Metric, Doubles]
    """In the order of the queries asked."""

    @property
    def figures(self) -> dict[Metric, Interval]:
        """The mean of each, with its interval."""
        return {metric: mean_interval(values) for metric, values in self.by_query.items()}


def grade(judged: JudgedSet, search: Search, queries: Sequence[str] | None = None) -> Report:
    """Ask every query of the set, or some, and look what comes."""
    places = {document.id: at for at, document in enumerate(judged.documents)}
    ids = [document.id for document in judged.documents]
    rows = [
        _grades(search(query), judged.judgements[query], ids, places)
        for query in (judged.judgements if queries is None else queries)
    ]
    return Report({metric: np.array([row[metric] for row in rows]) for metric in Metric})


def _grades(
    scores: Doubles, judgements: Mapping[str, float], ids: Sequence[str], places: Mapping[str, int]
) -> dict[Metric, float]:
    rated = list(judgements.values())
    # What is not found comes last, and equals go by their id: never by their grade.
    in_order = sorted(judgements, key=lambda product: (-scores[places[product]], product))
    first = [judgements.get(ids[at], 0.0) for at in best(scores, POOL)]
    return {
        Metric.RATED_NDCG: metrics.ndcg([judgements[product] for product in in_order], rated, k=FIRST),
        Metric.NDCG: metrics.ndcg(first, rated, k=FIRST),
        Metric.RECIPROCAL_RANK: metrics.reciprocal_rank(first),
        Metric.RECALL: metrics.recall(first, rated, k=POOL),
        Metric.NOTHING_FOUND: float(not np.isfinite(scores).any()),
    }
