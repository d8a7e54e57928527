"""Answering with iALS: a shopper is folded in from the history alone, so that what was just bought counts at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from typing_extensions import override

from models.arrays import Floats, Sparse
from models.recommendation.histories import Histories
from models.recommendation.linear import dampened
from models.recommendation.recommender import Arrays, Component


@dataclass(frozen=True)
class Factors(Component):
    """Item factors, and what is needed to find a shopper's vector among them."""

    items: Floats
    regularisation: float
    confidence: float
    half_life_days: float
    dampening: float
    name = "ials"

    @cached_property
    def _gram(self) -> Floats:
        """Y'Y + lambda I: the part of the least squares that all shoppers share."""
        gram: Floats = self.items.T @ self.items + self.regularisation * np.eye(self.items.shape[1], dtype=np.float32)
        return gram

    def shopper_vectors(self, histories: Histories) -> Floats:
        """Each shopper's vector: Hu et al.'s equation 4, solved exactly."""
        weights = confidences(histories, self.confidence, self.half_life_days, self.dampening)
        vectors = np.zeros((histories.shoppers, self.items.shape[1]), dtype=np.float32)
        for row in range(histories.shoppers):
            part = slice(weights.indptr[row], weights.indptr[row + 1])
            if part.start == part.stop:
                continue
            factors, confidence = self.items[weights.indices[part]], weights.data[part, None]
            left = self._gram + factors.T @ (factors * (confidence - 1))
            vectors[row] = np.linalg.solve(left, (factors * confidence).sum(axis=0))
        return vectors

    @override
    def scores(self, histories: Histories) -> Floats:
        scores: Floats = self.shopper_vectors(histories) @ self.items.T
        return scores

    @override
    def arrays(self) -> Arrays:
        return {
            "items": self.items,
            "regularisation": np.array(self.regularisation),
            "confidence": np.array(self.confidence),
            "half_life_days": np.array(self.half_life_days),
            "dampening": np.array(self.dampening),
        }

    @classmethod
    @override
    def from_arrays(cls, arrays: Arrays) -> Self:
        numbers = {name: float(value) for name, value in arrays.items() if name != "items"}
        return cls(arrays["items"], **numbers)


def confidences(histories: Histories, confidence: float, half_life_days: float, dampening: float) -> Sparse:
    """Hu et al.'s c = 1 + alpha r, where r is the decayed and dampened count of purchases."""
    matrix = dampened(histories.decayed(half_life_days), dampening)
    matrix.data = 1 + np.float32(confidence) * matrix.data
    return matrix
