"""Recency-decayed EASE: a linear model of every product by all others, in closed form.

Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019. Purchases are counted with a half-life first,
and the counts are dampened, so that the model learns what goes together now and no single staple drowns the rest. The
weights of each product are cut to the largest ones, which bounds the time and the memory of an answer.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from scipy import linalg, sparse

from models.arrays import Floats, Ints, Sparse
from models.recommendation.histories import Histories
from models.recommendation.linear import ItemWeights, dampened
from models.recommendation.spec import EaseParameters


class Ease(ItemWeights):
    """EASE's weights among the most bought products, both positive and negative."""

    name = "ease"

    @classmethod
    def fit(cls, purchases: Histories, parameters: EaseParameters) -> Self:
        """Solve for the weights among the `parameters.products` most bought products."""
        top = most_bought(purchases, parameters.products)
        counts = dampened(purchases.decayed(parameters.half_life_days), parameters.dampening)[:, top]
        weights = cut(solve(counts, parameters.regularisation), parameters.weights_a_product)
        placed = _among(weights, top, len(purchases.catalogue))
        return cls(placed, parameters.half_life_days, parameters.dampening)


def most_bought(purchases: Histories, limit: int) -> Ints:
    """The numbers of the `limit` most bought products, ascending; ties go by number."""
    order = np.argsort(-purchases.purchases(), kind="stable")[:limit]
    return np.sort(order)


def solve(counts: Sparse, regularisation: float) -> Floats:
    """EASE's closed form: B = I - P diag(P)^-1 with P = (X'X + lambda I)^-1; a product does not explain itself."""
    gram = (counts.T @ counts).toarray().astype(np.float64)
    gram[np.diag_indices_from(gram)] += regularisation
    precision = linalg.inv(gram, overwrite_a=True, check_finite=False)
    weights: Floats = (-precision / np.diag(precision)).astype(np.float32)
    np.fill_diagonal(weights, 0)
    return weights


def cut(weights: Floats, limit: int) -> Sparse:
    """The `limit` weights of each row that are largest by size."""
    if limit < weights.shape[1]:
        size = np.abs(weights)
        least = np.partition(size, -limit, axis=1)[:, -limit, None]
        weights = np.where(size >= least, weights, np.float32(0))
    return sparse.csr_array(weights)


def _among(weights: Sparse, top: Ints, items: int) -> Sparse:
    part = weights.tocoo()
    return sparse.csr_array((part.data, (top[part.row], top[part.col])), shape=(items, items))
