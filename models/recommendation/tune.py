"""Choosing parameters on the weeks before the test weeks, never on them.

The grid is small on purpose: it runs in every training. Wider searches were made once; their outcome is the defaults of
`spec`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from models.recommendation import ials
from models.recommendation.blend import Blend
from models.recommendation.dataset import time_split
from models.recommendation.ease import Ease
from models.recommendation.evaluate import Exam
from models.recommendation.factors import Factors
from models.recommendation.popularity import LastWeekPopularity
from models.recommendation.recommender import Recommender
from models.recommendation.repeat_purchase import RepeatPurchase
from models.recommendation.spec import TEST_WEEKS, Metric, Parameters, Progress, Task, Weights, silent
from models.recommendation.train import learnable

EASE_REGULARISATION = (200.0, 400.0, 800.0)
REPEAT_HALF_LIFE_DAYS = (60.0, 90.0, 120.0)
BLENDS: Mapping[Task, Sequence[Weights]] = {
    Task.WITH_REPEATS: [
        {RepeatPurchase.name: 1.0, Ease.name: ease, LastWeekPopularity.name: 0.05} for ease in (0.0, 0.1, 0.2, 0.4)
    ],
    Task.NEW_TO_SHOPPER: [
        {Ease.name: 1.0, Factors.name: factors, LastWeekPopularity.name: week}
        for factors in (0.0, 1.0)
        for week in (0.25, 0.5)
    ],
}


def tune(interactions: pl.DataFrame, *, start: Parameters | None = None, progress: Progress = silent) -> Parameters:
    """The parameters that predict the last weeks of `interactions` best from those before, by NDCG.

    Give it only what comes before the test weeks. One parameter is chosen after another: EASE's regularisation (on what
    is new to the shopper), the half-life of repeat purchases, then the blend of each task.
    """
    parameters = start or Parameters()
    split = time_split(interactions, weeks=TEST_WEEKS)
    exam = Exam(split)
    purchases = learnable(split.train, parameters, until=split.at)

    def ndcg(task: Task, model: Recommender) -> float:
        return exam.grade(purchases.catalogue, {task: model})[task].figures[Metric.NDCG].value

    eases: dict[float, Ease] = {}
    for at, regularisation in enumerate(EASE_REGULARISATION):
        progress("choosing EASE's regularisation", 0.7 * at / len(EASE_REGULARISATION))
        eases[regularisation] = Ease.fit(purchases, replace(parameters.ease, regularisation=regularisation))
    regularisation = max(eases, key=lambda value: ndcg(Task.NEW_TO_SHOPPER, eases[value]))
    progress("choosing the half-life of repeat purchases", 0.7)
    half_life = max(REPEAT_HALF_LIFE_DAYS, key=lambda days: ndcg(Task.WITH_REPEATS, RepeatPurchase(days)))
    progress("choosing the blends", 0.8)
    models: dict[str, Recommender] = {
        Ease.name: eases[regularisation],
        RepeatPurchase.name: RepeatPurchase(half_life),
        LastWeekPopularity.name: LastWeekPopularity.fit(purchases),
        Factors.name: ials.fit(purchases, parameters.ials),
    }

    def best_blend(task: Task) -> Weights:
        return max(BLENDS[task], key=lambda weights: ndcg(task, Blend(models, weights)))

    blends = {task: best_blend(task) for task in Task}
    progress("parameters chosen", 1.0)
    return replace(
        parameters,
        ease=replace(parameters.ease, regularisation=regularisation),
        repeat_purchase=replace(parameters.repeat_purchase, half_life_days=half_life),
        blends=blends,
    )
