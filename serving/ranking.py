"""Several ranked lists as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from models.fusion import reciprocal_ranks


class Candidate(NamedTuple):
    """A product that might be shown, and what spoke for it the most."""

    product_id: str
    score: float
    source: str


def fuse(lists: Mapping[str, Sequence[Candidate]]) -> list[Candidate]:
    """Reciprocal rank fusion, best first; ties go by product id.

    One list is left as it is. A product keeps the source it has in the list that ranks it highest.
    """
    filled = [ranked for ranked in lists.values() if ranked]
    if len(filled) < 2:
        return list(filled[0]) if filled else []
    scores = reciprocal_ranks(([one.product_id for one in ranked], 1.0) for ranked in filled)
    best: dict[str, tuple[int, str]] = {}
    for ranked in filled:
        for rank, candidate in enumerate(ranked, start=1):
            product_id = candidate.product_id
            best[product_id] = min(best.get(product_id, (rank, candidate.source)), (rank, candidate.source))
    order = sorted(scores, key=lambda product_id: (-scores[product_id], product_id))
    return [Candidate(product_id, scores[product_id], best[product_id][1]) for product_id in order]
