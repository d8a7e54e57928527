"""A shop that is gone leaves no model, and whoever opens one of its name can train."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from mlflow.tracking import MlflowClient

from models.recommendation.register import experiment_name, model_name
from models.recommendation.removing import remove
from models.registry import TENANT_TAG

GONE, OTHER = UUID(int=1), UUID(int=2)


def _trained(client: MlflowClient, slug: str, tenant_id: UUID, artifacts: Path) -> Path:
    """As a training leaves it: an experiment, a run with the package, a registered model; gives the package's file."""
    experiment = client.create_experiment(experiment_name(slug), (artifacts / f"{slug}-{tenant_id}").as_uri())
    run = client.create_run(experiment)
    client.log_text(run.info.run_id, "weights", "model/weights.txt")
    client.create_registered_model(model_name(slug), tags={TENANT_TAG: str(tenant_id)})
    client.create_model_version(model_name(slug), f"{run.info.artifact_uri}/model", run.info.run_id)
    return Path(run.info.artifact_uri.removeprefix("file://")) / "model" / "weights.txt"


def test_its_models_and_their_files_go_and_those_of_others_stay(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client = MlflowClient(uri, registry_uri=uri)
    mine = _trained(client, "acme", GONE, tmp_path / "artifacts")
    theirs = _trained(client, "other", OTHER, tmp_path / "artifacts")

    assert remove(uri, GONE, "acme") == 1
    assert remove(uri, GONE, "acme") == 0

    assert (mine.exists(), theirs.exists()) == (False, True)
    assert [one.name for one in client.search_registered_models()] == [model_name("other")]
    assert client.get_experiment_by_name(experiment_name("acme")) is None
    assert _trained(client, "acme", OTHER, tmp_path / "artifacts").exists()


def test_a_model_that_is_anothers_by_now_stays(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client = MlflowClient(uri, registry_uri=uri)
    client.create_registered_model(model_name("acme"), tags={TENANT_TAG: str(OTHER)})

    remove(uri, GONE, "acme")

    assert [one.name for one in client.search_registered_models()] == [model_name("acme")]
