"""How good a model is at what shoppers bought after it was trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import sparse

from models.arrays import Doubles, Ints, Sparse
from models.intervals import Interval, difference_interval, mean_interval
from models.recommendation.dataset import Split, new_to_shopper
from models.recommendation.histories import Catalogue, Histories
from models.recommendation.metrics import (
    coverage_interval,
    hits,
    ndcg,
    recall,
)
from models.recommendation.package import RecommendationModel
from models.recommendation.recommender import Recommender
from models.recommendation.spec import GATE_MUST_IMPROVE, GATE_MUST_NOT_FALL, LIST_LENGTH, Criterion, Metric, Task


@dataclass(frozen=True)
class Grade:
    """How a model did at one task."""

    shoppers: int
    figures: Mapping[Metric, Interval]
    by_shopper: Mapping[Metric, Doubles]
    """The same shoppers in the same order for every model of one `Exam`."""


Grades = Mapping[Task, Grade]


@dataclass(frozen=True)
class Verdict:
    """Whether a challenger may take the champion's place, and the paired differences that say so."""

    promoted: bool
    differences: Mapping[Criterion, Interval]


@dataclass(frozen=True)
class _Question:
    shoppers: tuple[str, ...]
    bought: pl.DataFrame
    counts: Ints


class Exam:
    """One time split, asked of any number of models.

    Every shopper who bought something in the test weeks is asked about, with the history before them. All products
    bought then are targets, also those that a model does not know. Coverage is a share of all products bought in
    training.

    Raises:
        ValueError: when a task has nobody to ask about.
    """

    def __init__(self, split: Split) -> None:
        self.split = split
        self.products = split.train["product_id"].n_unique()
        self._questions = {
            Task.WITH_REPEATS: _question(split.test),
            Task.NEW_TO_SHOPPER: _question(new_to_shopper(split)),
        }
        self._histories: dict[tuple[Task, Catalogue], Histories] = {}

    def grade(self, catalogue: Catalogue, models: Mapping[Task, Recommender]) -> Grades:
        """Ask each task of the model given for it."""
        return {task: self._grade(task, catalogue, model) for task, model in models.items()}

    def grade_package(self, model: RecommendationModel) -> Grades:
        """Ask both tasks of a packaged model."""
        return self.grade(model.catalogue, {task: model.blend(task) for task in Task})

    def _grade(self, task: Task, catalogue: Catalogue, model: Recommender) -> Grade:
        question = self._questions[task]
        recommended = model.recommend(self._history(task, catalogue), limit=LIST_LENGTH, repeats=task.repeats)
        hit = hits(recommended, _targets(question, catalogue))
        by_shopper = {Metric.RECALL: recall(hit, question.counts), Metric.NDCG: ndcg(hit, question.counts)}
        figures = {metric: mean_interval(values) for metric, values in by_shopper.items()}
        figures[Metric.COVERAGE] = coverage_interval(recommended, self.products)
        return Grade(len(question.shoppers), figures, by_shopper)

    def _history(self, task: Task, catalogue: Catalogue) -> Histories:
        key = (task, catalogue)
        if key not in self._histories:
            shoppers = self._questions[task].shoppers
            self._histories[key] = Histories.of(self.split.train, catalogue, shoppers, until=self.split.at)
        return self._histories[key]


def judge(challenger: Grades, champion: Grades) -> Verdict:
    """The gate of `spec`: better beyond the interval where it must be, and nowhere worse beyond the interval."""
    differences = {
        criterion: difference_interval(_values(challenger, criterion), _values(champion, criterion))
        for criterion in (GATE_MUST_IMPROVE, *GATE_MUST_NOT_FALL)
    }
    better = differences[GATE_MUST_IMPROVE].low > 0
    fallen = any(differences[criterion].high < 0 for criterion in GATE_MUST_NOT_FALL)
    return Verdict(better and not fallen, differences)


def _values(grades: Grades, criterion: Criterion) -> Doubles:
    return grades[criterion.task].by_shopper[criterion.metric]


def _question(bought: pl.DataFrame) -> _Question:
    if bought.is_empty():
        raise ValueError("Nobody bought anything in the test weeks that could be asked about.")
    pairs = bought.select("shopper_key", "product_id").unique()
    counts = pairs.group_by("shopper_key").len("products").sort("shopper_key")
    return _Question(tuple(counts["shopper_key"]), pairs, counts["products"].cast(pl.Int64).to_numpy())


def _targets(question: _Question, catalogue: Catalogue) -> Sparse:
    """Shoppers x products: 1 where the product, one of the catalogue, was bought."""
    shoppers = pl.DataFrame({"shopper_key": question.shoppers}).with_row_index("shopper")
    products = pl.DataFrame({"product_id": catalogue.product_ids}).with_row_index("item")
    cells = question.bought.join(shoppers, on="shopper_key").join(products, on="product_id")
    shape = (len(question.shoppers), len(catalogue))
    values = np.ones(len(cells), dtype=np.float32)
    return sparse.csr_array((values, (cells["shopper"].to_numpy(), cells["item"].to_numpy())), shape=shape)
