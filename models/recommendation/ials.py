"""Learning the factors of implicit-feedback ALS, by the `implicit` library.

Hu, Koren, Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008. Only training imports this
module: answering needs the item factors alone (`factors.py`).
"""

from __future__ import annotations

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from scipy import sparse
from threadpoolctl import threadpool_limits

from models.recommendation.factors import Factors, confidences
from models.recommendation.histories import Histories
from models.recommendation.spec import IalsParameters


def fit(purchases: Histories, parameters: IalsParameters) -> Factors:
    """Learn one vector a product; the same purchases and parameters give the same vectors."""
    confidence = confidences(purchases, parameters.confidence, parameters.half_life_days, parameters.dampening)
    with threadpool_limits(1, "blas"):  # implicit has threads of its own, and the two kinds starve each other
        model = AlternatingLeastSquares(
            factors=parameters.factors,
            regularization=parameters.regularisation,
            iterations=parameters.iterations,
            random_state=np.random.default_rng(parameters.seed),
        )
        model.fit(sparse.csr_matrix(confidence), show_progress=False)
    return Factors(
        np.ascontiguousarray(model.item_factors, dtype=np.float32),
        parameters.regularisation,
        parameters.confidence,
        parameters.half_life_days,
        parameters.dampening,
    )
