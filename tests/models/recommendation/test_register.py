from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import polars as pl
import pytest
from mlflow.tracking import MlflowClient

from models.recommendation.package import RecommendationModel
from models.recommendation.register import Registration, register
from models.recommendation.spec import Parameters, Task

MODEL = "recommendation-grocer"
TENANT = UUID("00000000-0000-7000-8000-00000000000a")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture(scope="module")
def client(store: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{store}/mlflow.db", registry_uri=f"sqlite:///{store}/mlflow.db")


def train_and_register(store: Path, purchases: pl.DataFrame, parameters: Parameters) -> Registration:
    return register(
        purchases,
        tenant_id=TENANT,
        tenant_slug="grocer",
        tracking_uri=f"sqlite:///{store}/mlflow.db",
        code_version="abc123",
        artifact_location=(store / "artifacts").as_uri(),
        parameters=parameters,
    )


@pytest.fixture(scope="module")
def poor(quick: Parameters) -> Parameters:
    """Knows only what is popular, which in a shop of four tastes is little."""
    return replace(quick, blends={task: {"most_popular": 1.0} for task in Task})


@pytest.fixture(scope="module")
def history(store, purchases, quick, poor) -> dict[str, Registration]:
    """A poor first model, a good second, the same again, the poor again."""
    steps = {"first": poor, "better": quick, "equal": quick, "worse": poor}
    return {name: train_and_register(store, purchases, parameters) for name, parameters in steps.items()}


def test_the_first_model_is_champion_for_want_of_another(history):
    assert (history["first"].alias, history["first"].verdict) == ("champion", None)


def test_a_better_model_takes_the_place(history):
    assert history["better"].alias == "champion"
    assert history["better"].verdict.promoted


@pytest.mark.parametrize("name", ["equal", "worse"])
def test_a_model_that_is_no_better_leaves_the_champion_in_place(history, client, name):
    assert history[name].alias == "challenger"
    assert str(client.get_model_version_by_alias(MODEL, "champion").version) == history["better"].version


def test_the_last_to_fail_is_the_challenger(history, client):
    assert str(client.get_model_version_by_alias(MODEL, "challenger").version) == history["worse"].version


def test_a_version_says_what_it_was_made_of(history, client, purchases):
    tags = client.get_model_version(MODEL, history["better"].version).tags
    assert tags["code_version"] == "abc123"
    assert len(tags["data_hash"]) == 64
    assert "purchase_age_days" in json.loads(tags["features"])
    assert tags["trained_until"] > purchases["occurred_at"].max().isoformat()


def test_a_model_says_whose_it_is(history, client):
    assert client.get_registered_model(MODEL).tags == {"tenant_id": str(TENANT)}


def test_the_registered_package_is_trained_on_everything_and_loads(history, client, purchases, tmp_path):
    version = client.get_model_version_by_alias(MODEL, "champion")
    model = RecommendationModel.load(Path(client.download_artifacts(version.run_id, "model", str(tmp_path))))
    assert model.provenance.purchases == len(purchases)
    assert model.recommend([], limit=3)
    assert version.source.endswith("/model")


def test_every_candidate_stands_beside_every_baseline_with_its_bounds(history, client):
    experiment = client.get_experiment_by_name("recommendation/grocer")
    runs = client.search_runs([experiment.experiment_id], f"tags.mlflow.parentRunId = '{history['better'].run_id}'")
    roles = {run.info.run_name: run.data.tags["role"] for run in runs}
    assert roles == {
        "most_popular": "baseline", "last_week_popular": "baseline", "repeat_purchase": "baseline",
        "item_to_item": "candidate", "ials": "candidate", "ease": "candidate", "blend": "candidate",
    }  # fmt: skip
    for run in runs:
        for task in ("with_repeats", "new_to_shopper"):
            for metric in ("recall_at_20", "ndcg_at_20", "coverage_at_20"):
                name = f"{task}.{metric}"
                figures = [run.data.metrics[f"{name}{bound}"] for bound in (".low", "", ".high")]
                assert figures == sorted(figures)


def test_the_run_says_by_how_much_the_place_was_won(history, client):
    metrics = client.get_run(history["better"].run_id).data.metrics
    assert metrics["lead_over_champion.with_repeats.ndcg_at_20.low"] > 0
    assert metrics["lead_over_most_popular.with_repeats.ndcg_at_20.low"] > 0
