"""What the recommender takes, what it gives, how it is measured, and what it must pass to be served."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, Self

import polars as pl

INPUT = pl.Schema(
    {
        "shopper_key": pl.String(),
        "product_id": pl.String(),
        "occurred_at": pl.Datetime("us", "UTC"),
        "quantity": pl.Int64(),
    }
)
"""One row a line of an order. Lines of one shopper at one instant are one basket."""

FEATURES = ("purchase_product_id", "purchase_age_days", "purchase_weight")
"""What the model is given of a shopper at request time: what was bought (or touched), how long ago, how telling."""

LIST_LENGTH = 20
TEST_WEEKS = 4


MODEL_NAMES = "recommendation-"
"""How the names of registered recommenders begin; the tenant's slug follows."""


class Task(StrEnum):
    """What is asked of a list of recommendations."""

    WITH_REPEATS = "with_repeats"
    """Everything the shopper buys next, what was bought before included."""
    NEW_TO_SHOPPER = "new_to_shopper"
    """Only what the shopper buys for the first time; what was bought before is not recommended."""

    @property
    def repeats(self) -> bool:
        """May the list hold what the shopper bought before?"""
        return self is Task.WITH_REPEATS


class Metric(StrEnum):
    """How a list is measured; each comes with a 95% bootstrap interval over shoppers."""

    RECALL = "recall_at_20"
    NDCG = "ndcg_at_20"
    COVERAGE = "coverage_at_20"


class Criterion(NamedTuple):
    """One figure of one task."""

    task: Task
    metric: Metric


GATE_MUST_IMPROVE = Criterion(Task.WITH_REPEATS, Metric.NDCG)
"""A challenger becomes champion only if the interval of its paired difference here lies above zero."""
GATE_MUST_NOT_FALL = (Criterion(Task.NEW_TO_SHOPPER, Metric.NDCG),)
"""And only if none of these intervals lies below zero."""

Progress = Callable[[str, float], None]
"""Told the name of the step and the share of the work done, from 0 to 1."""


def silent(_step: str, _share: float) -> None:
    """Progress that nobody watches."""


def part_of(progress: Progress, first: float, last: float) -> Progress:
    """For a step of a longer work: its shares from 0 to 1 are told as those from `first` to `last`."""
    return lambda step, share: progress(step, first + (last - first) * share)


@dataclass(frozen=True, kw_only=True)
class CatalogueParameters:
    """Which products take part at all: the most bought ones."""

    products: int = 20_000
    least_purchases: int = 2


@dataclass(frozen=True, kw_only=True)
class EaseParameters:
    """Of `ease.Ease`. `dampening` is the power that decayed counts are raised to."""

    products: int = 4_000
    regularisation: float = 400.0
    half_life_days: float = 60.0
    dampening: float = 0.5
    weights_a_product: int = 200


@dataclass(frozen=True, kw_only=True)
class IalsParameters:
    """Of `ials.fit`; `confidence` is Hu et al.'s alpha."""

    factors: int = 64
    regularisation: float = 10.0
    confidence: float = 1.0
    iterations: int = 8
    half_life_days: float = 60.0
    dampening: float = 1.0
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class ItemToItemParameters:
    """Of `item_to_item.ItemToItem`; baskets fade with `half_life_days`, a history with `history_half_life_days`."""

    neighbours: int = 50
    half_life_days: float = 60.0
    shrinkage: float = 5.0
    dampening: float = 0.5
    history_half_life_days: float = 60.0


@dataclass(frozen=True, kw_only=True)
class RepeatPurchaseParameters:
    """Of `repeat_purchase.RepeatPurchase`."""

    half_life_days: float = 90.0


Weights = Mapping[str, float]
"""How much each component counts in a blend, by the component's name."""


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Everything that training can be told. The defaults were chosen on Complete Journey's validation weeks."""

    catalogue: CatalogueParameters = field(default_factory=CatalogueParameters)
    ease: EaseParameters = field(default_factory=EaseParameters)
    ials: IalsParameters = field(default_factory=IalsParameters)
    item_to_item: ItemToItemParameters = field(default_factory=ItemToItemParameters)
    repeat_purchase: RepeatPurchaseParameters = field(default_factory=RepeatPurchaseParameters)
    blends: Mapping[Task, Weights] = field(
        default_factory=lambda: {
            Task.WITH_REPEATS: {"repeat_purchase": 1.0, "ease": 0.2, "last_week_popular": 0.05},
            Task.NEW_TO_SHOPPER: {"ease": 1.0, "ials": 1.0, "last_week_popular": 0.5},
        }
    )

    def to_json(self) -> dict[str, Any]:
        """Plain values, for a manifest and for MLflow."""
        return {**asdict(self), "blends": {str(task): dict(weights) for task, weights in self.blends.items()}}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The parameters that gave these values."""
        return cls(
            catalogue=CatalogueParameters(**values["catalogue"]),
            ease=EaseParameters(**values["ease"]),
            ials=IalsParameters(**values["ials"]),
            item_to_item=ItemToItemParameters(**values["item_to_item"]),
            repeat_purchase=RepeatPurchaseParameters(**values["repeat_purchase"]),
            blends={Task(task): weights for task, weights in values["blends"].items()},
        )
