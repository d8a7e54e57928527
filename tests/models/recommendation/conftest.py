"""A small shop whose shoppers' tastes are known, so that what a model should find is known too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from models.recommendation.spec import INPUT, EaseParameters, IalsParameters, Parameters

END = datetime(2026, 3, 1, tzinfo=UTC)
TASTES = 4
PRODUCTS_A_TASTE = 8


def shop(*, shoppers: int = 80, weeks: int = 12, seed: int = 0) -> pl.DataFrame:
    """Each shopper has one taste and buys two of its eight products every week; `s5` has the taste 5 % 4 = 1."""
    random = np.random.default_rng(seed)
    rows = [
        (f"s{shopper}", f"taste{shopper % TASTES}-{product}", END - timedelta(weeks=week, hours=shopper + 1), 1)
        for shopper in range(shoppers)
        for week in range(weeks)
        for product in random.choice(PRODUCTS_A_TASTE, size=2, replace=False)
    ]
    return pl.DataFrame(rows, schema=INPUT, orient="row")


@pytest.fixture(scope="session")
def purchases() -> pl.DataFrame:
    return shop()


@pytest.fixture(scope="session")
def quick() -> Parameters:
    """Small enough to train in a blink."""
    return Parameters(
        ease=EaseParameters(products=100, regularisation=5.0),
        ials=IalsParameters(factors=8, regularisation=1.0, confidence=5.0),
    )
