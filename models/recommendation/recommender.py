"""What every model here can do: score the catalogue for shoppers, from their histories alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from models.arrays import Floats, Ints
from models.recommendation.histories import Histories

BATCH = 256
NOTHING = -1
"""Stands in a list of recommendations where the model had no more to say."""

Arrays = Mapping[str, NDArray[Any]]


class Recommender(ABC):
    """A fitted model. It keeps nothing of the shoppers it learnt from: a history comes with each question."""

    name: ClassVar[str]

    @abstractmethod
    def scores(self, histories: Histories) -> Floats:
        """Shoppers x products, higher is better; at or below zero the model has no reason to recommend."""

    def recommend(self, histories: Histories, *, limit: int, repeats: bool) -> Ints:
        """The best `limit` products of each shopper, best first, `NOTHING` where there are fewer.

        With `repeats` false, what the shopper's history already holds is left out.
        """
        lists = [self._recommend_batch(batch, limit, repeats) for batch in histories.batches(BATCH)]
        return np.concatenate(lists) if lists else np.empty((0, limit), dtype=np.int64)

    def _recommend_batch(self, histories: Histories, limit: int, repeats: bool) -> Ints:
        scores = self.scores(histories)
        if not repeats:
            scores[histories.shopper, histories.item] = 0
        return best(scores, limit)


class Component(Recommender):
    """A model that can be kept as plain arrays, and be a part of a blend."""

    @abstractmethod
    def arrays(self) -> Arrays:
        """Everything the fitted model is."""

    @classmethod
    @abstractmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The model that gave these `arrays()`."""


def best(scores: Floats, limit: int) -> Ints:
    """The columns of the `limit` highest positive scores of each row, best first; equal scores go by column."""
    result = np.full((len(scores), limit), NOTHING, dtype=np.int64)
    kept = min(limit, scores.shape[1])
    if kept == 0:
        return result
    least = np.partition(scores, -kept, axis=1)[:, -kept]
    for row, values in enumerate(scores):
        columns = np.flatnonzero((values >= least[row]) & (values > 0))
        order = np.argsort(-values[columns], kind="stable")[:kept]
        result[row, : len(order)] = columns[order]
    return result
