"""What the shopper buys again: the shopper's own purchases, the recent ones counting for more.

In grocery this alone is hard to beat (Hu et al., "Modeling Personalized Item Frequency Information for Next-basket
Recommendation", SIGIR 2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from typing_extensions import override

from models.arrays import Floats
from models.recommendation.histories import Histories
from models.recommendation.recommender import Arrays, Component


@dataclass(frozen=True)
class RepeatPurchase(Component):
    """How often the shopper bought each product, a purchase halving every `half_life_days`."""

    half_life_days: float
    name = "repeat_purchase"

    @override
    def scores(self, histories: Histories) -> Floats:
        dense: Floats = histories.decayed(self.half_life_days).toarray()
        return dense

    @override
    def arrays(self) -> Arrays:
        return {"half_life_days": np.array(self.half_life_days)}

    @classmethod
    @override
    def from_arrays(cls, arrays: Arrays) -> Self:
        return cls(float(arrays["half_life_days"]))
