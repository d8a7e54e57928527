"""What the words found and what the meaning found, as one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models.arrays import Doubles
from models.fusion import reciprocal_ranks
from models.search.spec import POOL

NOT_FOUND = -np.inf
"""The score of a product that a way to search does not find at all."""

Fusion = Callable[[Doubles, Doubles, float], Doubles]
"""The words' scores and the meaning's, and which share of the result is the meaning's."""


def by_ranks(words: Doubles, meaning: Doubles, share: float) -> Doubles:
    """Reciprocal rank fusion of the first `POOL` of each; nothing else is found."""
    fused = np.full(len(words), NOT_FOUND)
    for place, score in reciprocal_ranks([(best(words, POOL), 1 - share), (best(meaning, POOL), share)]).items():
        fused[place] = score
    return fused


def by_scores(words: Doubles, meaning: Doubles, share: float) -> Doubles:
    """Both on a scale on which the best product has 1.

    BM25 has no upper end, so it is divided by the query's best. Cosines are too, and what is to one side of the query
    is nothing like it.
    """
    return (1 - share) * _scaled(words) + share * _scaled(meaning)


def best(scores: Doubles, limit: int) -> list[int]:
    """The places of the highest scores, highest first, without those that are not found; equals go by their place."""
    order = np.argsort(-scores, kind="stable")[:limit]
    found: list[int] = order[np.isfinite(scores[order])].tolist()
    return found


def _scaled(scores: Doubles) -> Doubles:
    scores = np.maximum(scores, 0.0)
    return scores / (scores.max(initial=0.0) or 1.0)
