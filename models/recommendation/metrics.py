"""How good lists of recommendations are, as plain functions of arrays, with intervals over shoppers."""

from __future__ import annotations

import numpy as np

from models.arrays import Doubles, Flags, Ints, Sparse
from models.intervals import Interval, percentiles


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
    return Interval(value, *percentiles(np.clip(centred, 0, 1)))
