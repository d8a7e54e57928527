"""Several models as one: their scores, each scaled to the shopper's highest, added with weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from typing_extensions import override

from models.arrays import Floats
from models.recommendation.histories import Histories
from models.recommendation.recommender import Recommender
from models.recommendation.spec import Weights


@dataclass(frozen=True)
class Blend(Recommender):
    """Fitted models by name, and how much each counts; those without a weight are not asked."""

    models: Mapping[str, Recommender]
    weights: Weights
    name = "blend"

    @override
    def scores(self, histories: Histories) -> Floats:
        total = np.zeros((histories.shoppers, len(histories.catalogue)), dtype=np.float32)
        for part in self.parts(histories).values():
            total += part
        return total

    def parts(self, histories: Histories) -> dict[str, Floats]:
        """What each model adds to the scores, by its name."""
        return {
            name: np.float32(weight) * scaled(self.models[name].scores(histories))
            for name, weight in self.weights.items()
            if weight > 0
        }


def scaled(scores: Floats) -> Floats:
    """Each row from 0 (no reason to recommend) to 1 (the row's highest)."""
    positive: Floats = np.maximum(scores, 0)
    highest = positive.max(axis=1, keepdims=True, initial=0)
    highest[highest == 0] = 1
    result: Floats = positive / highest
    return result
