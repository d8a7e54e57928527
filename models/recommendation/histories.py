"""Purchases as columns of numbers: the one form that every model learns from and answers from.

A shopper at request time and two thousand shoppers in an evaluation are the same `Histories`, so what was measured is
what is served.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import numpy as np
import polars as pl
from scipy import sparse

from models.arrays import Doubles, Floats, Ints, Sparse

DAY_SECONDS = 86_400.0


class Touch(NamedTuple):
    """One thing a shopper did with a product: a purchase, or at request time also an addition to the cart or a view."""

    product_id: str
    age_days: float = 0.0
    """How long ago, in days."""
    weight: float = 1.0
    """1 for a purchase; less for weaker signs of interest."""


@dataclass(frozen=True)
class Catalogue:
    """The products that a model knows, in the order of their ids; a product's place in it is its number."""

    product_ids: tuple[str, ...]
    index: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "index", {product_id: at for at, product_id in enumerate(self.product_ids)})

    def __len__(self) -> int:
        return len(self.product_ids)

    @classmethod
    def of(cls, interactions: pl.DataFrame, *, limit: int, least_purchases: int) -> Catalogue:
        """The `limit` most bought products among those with at least `least_purchases` purchases; ties go by id."""
        chosen = (
            interactions.group_by("product_id")
            .len("purchases")
            .filter(pl.col("purchases") >= least_purchases)
            .sort("purchases", "product_id", descending=[True, False])
            .head(limit)
        )
        return cls(tuple(sorted(chosen["product_id"])))


@dataclass(frozen=True)
class Histories:
    """What each of some shoppers did before one instant: one row a touch, ordered by shopper, product and age."""

    shoppers: int
    catalogue: Catalogue
    shopper: Ints
    item: Ints
    age_days: Doubles
    weight: Doubles

    @classmethod
    def of(
        cls, interactions: pl.DataFrame, catalogue: Catalogue, shoppers: Sequence[str], *, until: datetime
    ) -> Histories:
        """The purchases of `shoppers` before `until`, ages counted from it; products off the catalogue are left out."""
        rows = (
            interactions.lazy()
            .filter(pl.col("occurred_at") < until)
            .join(pl.LazyFrame({"shopper_key": list(shoppers)}).with_row_index("shopper"), on="shopper_key")
            .join(pl.LazyFrame({"product_id": list(catalogue.product_ids)}).with_row_index("item"), on="product_id")
            .select(
                pl.col("shopper").cast(pl.Int64),
                pl.col("item").cast(pl.Int64),
                ((until - pl.col("occurred_at")).dt.total_milliseconds() / (1000 * DAY_SECONDS)).alias("age_days"),
            )
            .sort("shopper", "item", "age_days")
            .collect()
        )
        ages = rows["age_days"].to_numpy()
        return cls(
            len(shoppers), catalogue, rows["shopper"].to_numpy(), rows["item"].to_numpy(), ages, np.ones_like(ages)
        )

    @classmethod
    def of_one(cls, touches: Sequence[Touch], catalogue: Catalogue) -> Histories:
        """One shopper's, from what is known at the time of the request; unknown products are left out."""
        known = sorted(
            (item, max(age, 0.0), weight)
            for product_id, age, weight in touches
            if (item := catalogue.index.get(product_id)) is not None
        )
        columns = np.array(known, dtype=np.float64).reshape(-1, 3)
        shopper = np.zeros(len(known), dtype=np.int64)
        return cls(1, catalogue, shopper, columns[:, 0].astype(np.int64), columns[:, 1], columns[:, 2])

    def decayed(self, half_life_days: float) -> Sparse:
        """Shoppers x products: the sum of the weights, each halved every `half_life_days`."""
        values = self.weight * np.exp2(-self.age_days / half_life_days)
        return self._matrix(values.astype(np.float32))

    def seen(self) -> Sparse:
        """Shoppers x products: not zero where the shopper has touched the product."""
        return self._matrix(np.ones(len(self.item), dtype=np.float32))

    def purchases(self, *, within_days: float = np.inf) -> Floats:
        """How much each product was bought, by everybody, in the last `within_days`."""
        recent = self.age_days <= within_days
        return np.bincount(self.item[recent], self.weight[recent], minlength=len(self.catalogue)).astype(np.float32)

    def batches(self, size: int) -> Iterator[Histories]:
        """The same, a few shoppers at a time, so that a dense answer fits in memory."""
        for first in range(0, self.shoppers, size):
            last = min(first + size, self.shoppers)
            rows = slice(*np.searchsorted(self.shopper, (first, last)))
            yield Histories(
                last - first,
                self.catalogue,
                self.shopper[rows] - first,
                self.item[rows],
                self.age_days[rows],
                self.weight[rows],
            )

    def _matrix(self, values: Floats) -> Sparse:
        shape = (self.shoppers, len(self.catalogue))
        matrix = sparse.csr_array((values, (self.shopper, self.item)), shape=shape)
        matrix.sum_duplicates()
        return matrix
