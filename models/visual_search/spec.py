"""What visual search is measured by, what training can be told, and what must be better for a model to be served."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

FIRST = 10
MODEL_NAMES = "visual-search-"
"""How the names of registered encoders begin; the tenant's slug follows."""


class Metric(StrEnum):
    """How answers are measured; each comes with a 95% bootstrap interval over pictures asked with."""

    RECALL_AT_1 = "recall_at_1"
    """Is the nearest picture of the same class? The precision at 1 is the same figure."""
    RECALL = "recall_at_10"
    """Is any of the ten nearest?"""
    PRECISION = "precision_at_10"
    """The share of the ten nearest that are."""
    AVERAGE_PRECISION = "map"
    """The precision at every picture of the class, averaged (mean average precision over all that are asked with)."""


GATE = Metric.AVERAGE_PRECISION
"""A challenger becomes champion only if the interval of its paired difference here lies above zero."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Of `train.fit`. Chosen on validation classes of the clothing and grocery sets (`docs/decisions`)."""

    learning_rate: float = 1e-4
    batch: int = 128
    most_classes: int = 32
    """In a batch."""
    steps: int = 400
    """At most."""
    look_every: int = 20
    patience: int = 6
    """So often in a row no better on the validation classes, and training ends."""
    folds: int = 4
    """Parts of the classes, each of which is the validation once."""
    seed: int = 0
