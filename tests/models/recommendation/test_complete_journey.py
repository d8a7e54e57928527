"""A floor on real shoppers: a sample of households of a grocer's year."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from models.intervals import difference_interval
from models.recommendation.benchmark import Benchmark, benchmark, table
from models.recommendation.blend import Blend
from models.recommendation.dataset import from_complete_journey
from models.recommendation.spec import CatalogueParameters, EaseParameters, Metric, Parameters, Task


@pytest.fixture(scope="module")
def households() -> pl.DataFrame:
    year = from_complete_journey()
    keys = year["shopper_key"].unique().sort()
    return year.filter(pl.col("shopper_key").is_in(keys.gather_every(4).implode()))


@pytest.fixture(scope="module")
def result(households: pl.DataFrame) -> Benchmark:
    parameters = replace(
        Parameters(),
        catalogue=CatalogueParameters(products=6000),
        ease=EaseParameters(products=1500, regularisation=100.0),
    )
    return benchmark(households, parameters=parameters)


def lead(result: Benchmark, ours: str, theirs: str, task: Task) -> float:
    """The lower bound of how far one model's NDCG is above another's."""
    first, second = (result.grades[name][task].by_shopper[Metric.NDCG] for name in (ours, theirs))
    return difference_interval(first, second).low


def test_fuel_and_what_is_not_merchandise_are_left_out(households):
    assert households["product_id"].n_unique() > 20_000
    assert households["quantity"].max() < 1_000


def test_shoppers_rebuy_so_their_own_purchases_beat_what_is_popular(result):
    assert lead(result, "repeat_purchase", "most_popular", Task.WITH_REPEATS) > 0.1


@pytest.mark.parametrize("baseline", ["most_popular", "last_week_popular"])
@pytest.mark.parametrize("task", Task)
def test_the_composition_beats_what_is_popular(result, baseline, task):
    assert lead(result, Blend.name, baseline, task) > 0


def test_the_composition_is_no_worse_than_repeat_purchase(result):
    assert lead(result, Blend.name, "repeat_purchase", Task.WITH_REPEATS) > -0.002


def test_figures_stay_above_the_floor(result):
    grades = result.grades[Blend.name]
    assert grades[Task.WITH_REPEATS].figures[Metric.NDCG].value > 0.30
    assert grades[Task.NEW_TO_SHOPPER].figures[Metric.NDCG].value > 0.03


def test_the_table_shows_every_model_with_its_bounds(result):
    lines = table(result.grades, Task.WITH_REPEATS).strip().splitlines()
    assert len(lines) == 2 + len(result.grades)
    assert all(line.count("(") == 3 for line in lines[2:])
