"""Products bought together in one basket: shrunk cosine similarity over recent baskets.

Linden, Smith, York, "Amazon.com Recommendations: Item-to-Item Collaborative Filtering", IEEE Internet Computing 2003.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from scipy import sparse

from models.arrays import Sparse
from models.recommendation.histories import Histories
from models.recommendation.linear import ItemWeights, keep_largest
from models.recommendation.spec import ItemToItemParameters


class ItemToItem(ItemWeights):
    """The similarity, from 0 to 1, of each product to its nearest neighbours."""

    name = "item_to_item"

    @classmethod
    def fit(cls, purchases: Histories, parameters: ItemToItemParameters) -> Self:
        """Find the nearest `parameters.neighbours` of every product."""
        similarity = _similarity(_baskets(purchases, parameters.half_life_days), parameters.shrinkage)
        nearest = keep_largest(similarity, parameters.neighbours)
        return cls(nearest, parameters.history_half_life_days, parameters.dampening)


def _baskets(purchases: Histories, half_life_days: float) -> Sparse:
    """Baskets x products; what one shopper bought at one instant is a basket, and an old basket weighs less."""
    occasions = np.stack([purchases.shopper.astype(np.float64), purchases.age_days], axis=1)
    _, basket = np.unique(occasions, axis=0, return_inverse=True)
    # Squared by the similarity, so that a basket counts half after one half-life.
    weight = np.exp2(-purchases.age_days / (2 * half_life_days)).astype(np.float32)
    shape = (int(basket.max(initial=-1)) + 1, len(purchases.catalogue))
    return sparse.csr_array((weight, (basket, purchases.item)), shape=shape)


def _similarity(baskets: Sparse, shrinkage: float) -> Sparse:
    together = (baskets.T @ baskets).tocoo()
    norms = np.sqrt(together.diagonal())
    apart = together.row != together.col
    row, column, shared = together.row[apart], together.col[apart], together.data[apart]
    values = shared / (norms[row] * norms[column] + np.float32(shrinkage))
    return sparse.csr_array((values, (row, column)), shape=together.shape)
