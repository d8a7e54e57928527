"""A shop that is gone leaves no model, and whoever opens one of its name can train."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from mlflow.tracking import MlflowClient

from models.registry import TENANT_TAG
from models.removing import KINDS, remove

GONE, OTHER = UUID(int=1), UUID(int=2)


def _trained(client: MlflowClient, slug: str, tenant_id: UUID, artifacts: Path) -> list[Path]:
    """As trainings leave it: of each kind an experiment, a run with the package, a registered model; the packages' files."""
    files = []
    for kind in KINDS:
        place = (artifacts / f"{kind.model_name(slug)}-{tenant_id}").as_uri()
        run = client.create_run(client.create_experiment(kind.experiment_name(slug), place))
        client.log_text(run.info.run_id, "weights", "model/weights.txt")
        client.create_registered_model(kind.model_name(slug), tags={TENANT_TAG: str(tenant_id)})
        client.create_model_version(kind.model_name(slug), f"{run.info.artifact_uri}/model", run.info.run_id)
        files.append(Path(run.info.artifact_uri.removeprefix("file://")) / "model" / "weights.txt")
    return files


def _models(slug: str) -> list[str]:
    return sorted(kind.model_name(slug) for kind in KINDS)


def test_its_models_and_their_files_go_and_those_of_others_stay(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client = MlflowClient(uri, registry_uri=uri)
    mine = _trained(client, "acme", GONE, tmp_path / "artifacts")
    theirs = _trained(client, "other", OTHER, tmp_path / "artifacts")

    assert remove(uri, GONE, "acme") == len(KINDS)
    assert remove(uri, GONE, "acme") == 0

    assert not any(file.exists() for file in mine)
    assert all(file.exists() for file in theirs)
    assert sorted(one.name for one in client.search_registered_models()) == _models("other")
    assert not any(client.get_experiment_by_name(kind.experiment_name("acme")) for kind in KINDS)
    assert all(file.exists() for file in _trained(client, "acme", OTHER, tmp_path / "artifacts"))


def test_a_model_that_is_anothers_by_now_stays(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client = MlflowClient(uri, registry_uri=uri)
    for name in _models("acme"):
        client.create_registered_model(name, tags={TENANT_TAG: str(OTHER)})

    remove(uri, GONE, "acme")

    assert sorted(one.name for one in client.search_registered_models()) == _models("acme")
