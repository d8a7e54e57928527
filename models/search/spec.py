"""What search is measured by, and the parameters that are chosen on judged queries."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from models.search.lexical import Bm25

FIRST = 10
POOL = 100
"""How many products each way to search puts forward."""


class Metric(StrEnum):
    """How answers are measured; each comes with a 95% bootstrap interval over queries."""

    RATED_NDCG = "rated_ndcg_at_10"
    """Of the judged products alone, put in order."""
    NDCG = "ndcg_at_10"
    """Of the whole catalogue put in order, with a product that nobody judged taken for no answer."""
    RECIPROCAL_RANK = "mrr"
    """Within the first hundred of the whole catalogue."""
    RECALL = "recall_at_100"
    NOTHING_FOUND = "zero_result_rate"


@dataclass(frozen=True, slots=True)
class Parameters:
    """How products are ranked. The defaults were chosen by `tune` on the Icecat set (`docs/benchmarks.md`)."""

    words: Bm25 = field(default_factory=Bm25)
    meaning: float = 0.4
    """The share that the meaning has in the fused ranks; the words have the rest."""
    sketched: float = 0.3
    """The share that the meaning has where most of it was sketched (`models.search.distilled`)."""
    share: float = 0.5
    """How much of a query, terms counted by how rare they are, a product must have to be in the result."""
