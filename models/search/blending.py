"""The score of the words and that of the meaning as one."""

from __future__ import annotations

import numpy as np

from models.arrays import Doubles, Floats


def blend(words: Doubles, meaning: Doubles, share: float) -> Doubles:
    """Both on a scale on which the best product has 1, weighed `1 - share` to `share`.

    BM25 has no upper end, so it is divided by the query's best. Cosines are, and what is to one side of the query is
    nothing like it.
    """
    return (1 - share) * _scaled(words) + share * _scaled(meaning)


def _scaled(scores: Doubles) -> Doubles:
    scores = np.maximum(scores, 0.0)
    return scores / (scores.max(initial=0.0) or 1.0)


def moved(question: Floats, found: Floats, scores: Doubles, far: float) -> Floats:
    """The question moved towards what it found: Rocchio's pseudo-relevance feedback (1971), weighed by the scores.

    `found` has the vectors of the first products, row by row. The result has length 1, unless nothing is left of it.
    """
    total = scores.sum()
    if not len(found) or not total or not far:
        return question
    sum_ = question + far * ((scores / total).astype(np.float32) @ found)
    result: Floats = sum_ / (np.linalg.norm(sum_) or 1.0)
    return result


def best(scores: Doubles, limit: int) -> list[int]:
    """The places of the highest scores, highest first, without those that are not found; equals go by their place."""
    order = np.argsort(-scores, kind="stable")[:limit]
    found: list[int] = order[np.isfinite(scores[order])].tolist()
    return found
