"""How good ranked answers to judged queries are, as plain functions of the grades in their order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Grades = Sequence[float]
"""The grades of a list of products, best place first; 0 for one that is no answer, or that nobody judged."""


def dcg(grades: Grades, *, k: int) -> float:
    """Discounted cumulative gain of the first `k`, gains being 2^grade - 1 (Burges et al., ICML 2005)."""
    first = np.asarray(grades[:k], float)
    return float(((2**first - 1) / np.log2(np.arange(len(first)) + 2)).sum())


def ndcg(grades: Grades, judged: Grades, *, k: int) -> float:
    """The gain of a list over that of the best list of all products judged for the query; 0 where none is relevant."""
    ideal = dcg(sorted(judged, reverse=True), k=k)
    return dcg(grades, k=k) / ideal if ideal else 0.0


def reciprocal_rank(grades: Grades) -> float:
    """One over the place of the first relevant product; 0 where there is none."""
    return next((1 / place for place, grade in enumerate(grades, start=1) if grade > 0), 0.0)


def recall(grades: Grades, judged: Grades, *, k: int) -> float:
    """The share of the relevant products that the first `k` hold; 0 where none is relevant."""
    relevant = sum(grade > 0 for grade in judged)
    return sum(grade > 0 for grade in grades[:k]) / relevant if relevant else 0.0
