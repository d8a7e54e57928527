"""Every candidate and every baseline on one time split: what is reported, and what MLflow is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from models.recommendation.blend import Blend
from models.recommendation.dataset import time_split
from models.recommendation.evaluate import Exam, Grades
from models.recommendation.package import RecommendationModel
from models.recommendation.popularity import LastWeekPopularity, Popularity
from models.recommendation.repeat_purchase import RepeatPurchase
from models.recommendation.spec import TEST_WEEKS, Parameters, Progress, Task, part_of, silent
from models.recommendation.train import train
from models.recommendation.tune import tune

BASELINES = (Popularity.name, LastWeekPopularity.name, RepeatPurchase.name)


@dataclass(frozen=True)
class Benchmark:
    """What was asked, of what, and how each did. `model` saw nothing of the test weeks."""

    exam: Exam
    model: RecommendationModel
    grades: Mapping[str, Grades]
    """By the model's name; `Blend.name` is the composition that is packaged."""

    @property
    def parameters(self) -> Parameters:
        """What was chosen on the validation weeks."""
        return self.model.parameters


def benchmark(
    interactions: pl.DataFrame, *, parameters: Parameters | None = None, progress: Progress = silent
) -> Benchmark:
    """Choose parameters before the last weeks, train on all before them, and grade every model on them.

    With `parameters` given, nothing is chosen.

    Raises:
        ValueError: when there is too little to split and to learn from.
    """
    split = time_split(interactions, weeks=TEST_WEEKS)
    chosen = parameters or tune(split.train, progress=part_of(progress, 0.0, 0.5))
    model = train(split.train, parameters=chosen, until=split.at, progress=part_of(progress, 0.5, 0.7))
    exam = Exam(split)
    grades: dict[str, Grades] = {}
    for at, (name, component) in enumerate(model.components.items()):
        progress(f"grading {name}", 0.7 + 0.3 * at / (len(model.components) + 1))
        grades[name] = exam.grade(model.catalogue, dict.fromkeys(Task, component))
    grades[Blend.name] = exam.grade_package(model)
    progress("graded", 1.0)
    return Benchmark(exam, model, grades)


def table(grades: Mapping[str, Grades], task: Task) -> str:
    """The figures of one task as a Markdown table, with their intervals."""
    head = "| model | Recall@20 | NDCG@20 | coverage |\n|---|---|---|---|\n"
    rows = (
        f"| {name} | " + " | ".join(f"{v:.4f} ({low:.4f}-{high:.4f})" for v, low, high in figures.values()) + " |\n"
        for name, figures in ((name, grade[task].figures) for name, grade in grades.items())
    )
    return head + "".join(rows)
