"""How good lists of recommendations are, as plain functions of arrays, with intervals over shoppers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.recommendation.arrays import Doubles, Flags, Ints, Sparse

RESAMPLES = 1000
CONFIDENCE = 0.95


class Interval(NamedTuple):
    """A figure and where it lies with 95% confidence."""

    value: float
    low: float
    high: float


def hits(recommended: Ints, targets: Sparse) -> Flags:
    """For each shopper and place of the list: was that product bought? Places without a product hit nothing."""
    rows = np.repeat(np.arange(len(recommended)), recommended.shape[1])
    found = np.asarray(targets[rows, np.maximum(recommended, 0).ravel()]).reshape(recommended.shape) > 0
    result: Flags = found & (recommended >= 0)
    return result


def recall(hit: Flags, targets: Ints) -> Doubles:
    """Each shopper's share of the `targets` products bought that the list holds."""
    share: Doubles = hit.sum(axis=1) / targets
    return share


def ndcg(hit: Flags, targets: Ints) -> Doubles:
    """Each shopper's discounted gain over that of the best list possible: 1 when all places that can hit do."""
    discounts = 1 / np.log2(np.arange(hit.shape[1]) + 2)
    ideal = np.concatenate([[0.0], np.cumsum(discounts)])[np.minimum(targets, hit.shape[1])]
    gain: Doubles = (hit @ discounts) / ideal
    return gain


def coverage(recommended: Ints, products: int) -> float:
    """The share of the `products` on the catalogue that at least one list holds."""
    shown = np.bincount(recommended[recommended >= 0], minlength=products)
    return float(np.count_nonzero(shown) / products)


def mean_interval(values: Doubles, *, seed: int = 0) -> Interval:
    """The mean over shoppers, with the percentile bootstrap interval of resampled shoppers."""
    means = _resampled_counts(len(values), seed) @ values / len(values)
    return Interval(float(values.mean()), *_percentiles(means))


def difference_interval(ours: Doubles, theirs: Doubles, *, seed: int = 0) -> Interval:
    """The mean of `ours - theirs` over the same shoppers (paired), with its bootstrap interval."""
    return mean_interval(ours - theirs, seed=seed)


def coverage_interval(recommended: Ints, products: int, *, seed: int = 0, resamples: int = 200) -> Interval:
    """The coverage, with a bootstrap interval moved by the bootstrap's own bias.

    A resample holds about 63% of the shoppers, so it covers less than they all do; its spread is kept and its mean is
    set to the coverage of all.
    """
    random = np.random.default_rng(seed)
    value = coverage(recommended, products)
    drawn = [
        coverage(recommended[random.integers(0, len(recommended), len(recommended))], products)
        for _ in range(resamples)
    ]
    centred = np.asarray(drawn) - np.mean(drawn) + value
    return Interval(value, *_percentiles(np.clip(centred, 0, 1)))


def _resampled_counts(shoppers: int, seed: int) -> NDArray[np.int64]:
    """How often each shopper was drawn, one row a resample."""
    random = np.random.default_rng(seed)
    return random.multinomial(shoppers, np.full(shoppers, 1 / shoppers), size=RESAMPLES)


def _percentiles(values: Doubles) -> tuple[float, float]:
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
