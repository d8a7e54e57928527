"""Learning the factors of implicit-feedback ALS, by the `implicit` library.

Hu, Koren, Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008. Only training imports this
module: answering needs the item factors alone (`factors.py`).
"""

from __future__ import annotations

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from scipy import sparse

from models.recommendation.factors import Factors, confidences
from models.recommendation.histories import Histories
from models.recommendation.spec import IalsParameters


def fit(purchases: Histories, parameters: IalsParameters, *, seed: int = 0) -> Factors:
    """Learn one vector a product; the same purchases and seed give the same vectors."""
    model = AlternatingLeastSquares(
        factors=parameters.factors,
        regularization=parameters.regularisation,
        iterations=parameters.iterations,
        random_state=np.random.default_rng(seed),
    )
    confidence = confidences(purchases, parameters.confidence, parameters.half_life_days, parameters.dampening)
    model.fit(sparse.csr_matrix(confidence), show_progress=False)
    return Factors(
        np.ascontiguousarray(model.item_factors, dtype=np.float32),
        parameters.regularisation,
        parameters.confidence,
        parameters.half_life_days,
        parameters.dampening,
    )
