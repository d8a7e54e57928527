from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from models.intervals import mean_interval
from models.recommendation.dataset import time_split
from models.recommendation.evaluate import Exam, Grade, judge
from models.recommendation.histories import Catalogue, Histories
from models.recommendation.recommender import Recommender
from models.recommendation.repeat_purchase import RepeatPurchase
from models.recommendation.spec import INPUT, Metric, Parameters, Task
from models.recommendation.train import train
from models.recommendation.tune import tune

END = datetime(2026, 3, 1, tzinfo=UTC)


class Remembering(Recommender):
    """Recommends everything, and keeps what it was asked."""

    name = "remembering"

    def __init__(self) -> None:
        self.asked: list[Histories] = []

    def scores(self, histories: Histories) -> np.ndarray:
        self.asked.append(histories)
        return np.ones((histories.shoppers, len(histories.catalogue)), dtype=np.float32)


def bought(*rows: tuple[str, str, int]) -> pl.DataFrame:
    return pl.DataFrame(
        [(shopper, product, END - timedelta(days=days), 1) for shopper, product, days in rows],
        schema=INPUT,
        orient="row",
    )


SMALL = bought(
    ("anna", "tea", 50), ("anna", "milk", 40), ("ben", "milk", 45),
    ("anna", "tea", 10), ("anna", "jam", 5), ("ben", "milk", 0), ("ben", "unheard-of", 1),
)  # fmt: skip
KNOWN = Catalogue(("jam", "milk", "tea"))


def test_a_model_is_shown_nothing_of_the_test_weeks():
    model, split = Remembering(), time_split(SMALL)
    Exam(split).grade(KNOWN, dict.fromkeys(Task, model))
    for asked in model.asked:
        assert asked.seen().sum() == len(split.train)


def test_figures_equal_those_worked_out_by_hand():
    grades = Exam(time_split(SMALL)).grade(KNOWN, dict.fromkeys(Task, Remembering()))
    again = grades[Task.WITH_REPEATS].by_shopper
    # The list is jam, milk, tea. Anna bought jam and tea; Ben milk and a product that the model can't know.
    best_of_two = 1 + 1 / np.log2(3)
    assert again[Metric.RECALL].tolist() == [1.0, 0.5]
    assert again[Metric.NDCG] == pytest.approx([(1 + 0.5) / best_of_two, (1 / np.log2(3)) / best_of_two])
    # New to Anna is jam, and her list is jam alone; new to Ben is what the model can't know.
    assert grades[Task.NEW_TO_SHOPPER].by_shopper[Metric.RECALL].tolist() == [1.0, 0.0]


def test_who_buys_only_what_they_always_buy_is_not_asked_about_new_products():
    split = time_split(bought(("anna", "tea", 50), ("ben", "tea", 50), ("anna", "tea", 1), ("ben", "jam", 0)))
    grades = Exam(split).grade(KNOWN, dict.fromkeys(Task, Remembering()))
    assert (grades[Task.WITH_REPEATS].shoppers, grades[Task.NEW_TO_SHOPPER].shoppers) == (2, 1)


def test_repeat_purchase_scores_nothing_on_what_is_new():
    grades = Exam(time_split(SMALL)).grade(KNOWN, dict.fromkeys(Task, RepeatPurchase(30.0)))
    assert grades[Task.WITH_REPEATS].figures[Metric.RECALL].value > 0
    assert grades[Task.NEW_TO_SHOPPER].figures[Metric.RECALL].value == 0


@pytest.mark.parametrize("task", Task)
def test_lists_for_new_products_hold_nothing_the_shopper_had(purchases, quick, task):
    split = time_split(purchases)
    model = train(split.train, parameters=quick, until=split.at)
    shoppers = [f"s{number}" for number in range(80)]
    histories = Histories.of(split.train, model.catalogue, shoppers, until=split.at)
    lists = model.recommend_batch(histories, limit=20, task=task)
    seen = histories.seen().toarray()
    had = [seen[row, item] for row, items in enumerate(lists) for item in items if item >= 0]
    assert any(had) is task.repeats


def test_nobody_to_ask_is_said():
    with pytest.raises(ValueError, match="Nobody bought"):
        Exam(time_split(bought(("anna", "tea", 50), ("anna", "tea", 0))))


def test_choosing_parameters_does_not_see_the_test_weeks(purchases: pl.DataFrame, quick: Parameters):
    split = time_split(purchases)
    seen: list[str] = []
    chosen = tune(split.train, start=quick, progress=lambda step, share: seen.append(step))
    assert chosen.repeat_purchase.half_life_days in (60.0, 90.0, 120.0)
    assert seen[-1] == "parameters chosen"
    assert chosen == tune(split.train.reverse(), start=quick)


def graded(with_repeats: np.ndarray, new: np.ndarray) -> dict[Task, Grade]:
    return {
        task: Grade(len(values), {Metric.NDCG: mean_interval(values)}, {Metric.NDCG: values})
        for task, values in ((Task.WITH_REPEATS, with_repeats), (Task.NEW_TO_SHOPPER, new))
    }


BASE = np.random.default_rng(0).random(400)
NOISE = np.random.default_rng(1).normal(0, 0.2, 400)


@pytest.mark.parametrize(
    ("challenger", "promoted"),
    [
        (graded(BASE + 0.05 + NOISE, BASE), True),
        (graded(BASE, BASE), False),
        (graded(BASE - 0.05, BASE), False),
        (graded(BASE + NOISE - NOISE.mean() + 0.001, BASE), False),
        (graded(BASE + 0.05, BASE - 0.05), False),
        (graded(BASE + 0.05, BASE + NOISE - NOISE.mean() - 0.001), True),
    ],
    ids=["better", "equal", "worse", "better within noise", "better but worse on new", "better and level on new"],
)
def test_the_gate_opens_only_beyond_the_interval(challenger, promoted):
    assert judge(challenger, graded(BASE, BASE)).promoted is promoted
