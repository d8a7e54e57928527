"""Models that are one sparse matrix of products by products, answered by one sparse product with the history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import sparse
from typing_extensions import override

from models.arrays import Floats, Sparse
from models.recommendation.histories import Histories
from models.recommendation.recommender import Arrays, Component


@dataclass(frozen=True)
class ItemWeights(Component):
    """`weights[i, j]`: how much product i in a history speaks for product j."""

    weights: Sparse
    half_life_days: float
    """How fast a history fades."""
    dampening: float
    """The power that its decayed counts are raised to."""

    @override
    def scores(self, histories: Histories) -> Floats:
        dense: Floats = (dampened(histories.decayed(self.half_life_days), self.dampening) @ self.weights).toarray()
        return dense

    @override
    def arrays(self) -> Arrays:
        return {
            "data": self.weights.data,
            "indices": self.weights.indices,
            "indptr": self.weights.indptr,
            "half_life_days": np.array(self.half_life_days),
            "dampening": np.array(self.dampening),
        }

    @classmethod
    @override
    def from_arrays(cls, arrays: Arrays) -> Self:
        items = len(arrays["indptr"]) - 1
        weights = sparse.csr_array((arrays["data"], arrays["indices"], arrays["indptr"]), shape=(items, items))
        return cls(weights, float(arrays["half_life_days"]), float(arrays["dampening"]))


def dampened(matrix: Sparse, power: float) -> Sparse:
    """Each value to the power of `power`: 1 keeps counts, towards 0 they say only whether."""
    result = matrix.copy()
    result.data **= np.float32(power)
    return result


def keep_largest(weights: Sparse, limit: int) -> Sparse:
    """Of each row the `limit` weights that are largest by size; of equal ones the first columns."""
    weights.sort_indices()
    kept = [
        first + np.sort(np.argsort(-np.abs(weights.data[first:last]), kind="stable")[:limit])
        for first, last in zip(weights.indptr[:-1], weights.indptr[1:], strict=True)
    ]
    lengths = np.fromiter((len(row) for row in kept), dtype=np.int64, count=len(kept))
    chosen = np.concatenate(kept) if kept else np.empty(0, dtype=np.int64)
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    return sparse.csr_array((weights.data[chosen], weights.indices[chosen], indptr), shape=weights.shape)
