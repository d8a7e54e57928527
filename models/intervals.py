"""Figures with intervals: the percentile bootstrap (Efron and Tibshirani 1993) over shoppers or queries."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.arrays import Doubles

RESAMPLES = 1000
CONFIDENCE = 0.95


class Interval(NamedTuple):
    """A figure and where it lies with 95% confidence."""

    value: float
    low: float
    high: float


def mean_interval(values: Doubles, *, seed: int = 0) -> Interval:
    """The mean over shoppers or queries, with the percentile bootstrap interval of resampled ones."""
    means = _resampled_counts(len(values), seed) @ values / len(values)
    return Interval(float(values.mean()), *percentiles(means))


def difference_interval(ours: Doubles, theirs: Doubles, *, seed: int = 0) -> Interval:
    """The mean of `ours - theirs` over the same ones (paired), with its bootstrap interval."""
    return mean_interval(ours - theirs, seed=seed)


def _resampled_counts(many: int, seed: int) -> NDArray[np.int64]:
    """How often each was drawn, one row a resample."""
    random = np.random.default_rng(seed)
    return random.multinomial(many, np.full(many, 1 / many), size=RESAMPLES)


def percentiles(values: Doubles) -> tuple[float, float]:
    """Between what lies all but 5% of the values."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
