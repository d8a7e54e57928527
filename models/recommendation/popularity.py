"""The same list for everybody: the baseline to beat, and the answer when there is no better one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from typing_extensions import override

from models.arrays import Floats
from models.recommendation.histories import Histories
from models.recommendation.recommender import Arrays, Component


@dataclass(frozen=True)
class Popularity(Component):
    """Products by how often everybody bought them."""

    popularity: Floats
    name = "most_popular"
    WITHIN_DAYS: ClassVar[float] = np.inf

    @classmethod
    def fit(cls, purchases: Histories) -> Self:
        """Count the purchases of the last `WITHIN_DAYS` days."""
        return cls(purchases.purchases(within_days=cls.WITHIN_DAYS))

    @override
    def scores(self, histories: Histories) -> Floats:
        return np.tile(self.popularity, (histories.shoppers, 1))

    @override
    def arrays(self) -> Arrays:
        return {"popularity": self.popularity}

    @classmethod
    @override
    def from_arrays(cls, arrays: Arrays) -> Self:
        return cls(arrays["popularity"])


class LastWeekPopularity(Popularity):
    """Products by how often everybody bought them in the last seven days."""

    name = "last_week_popular"
    WITHIN_DAYS = 7.0
