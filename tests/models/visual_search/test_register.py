"""What is registered of a training, and that only what is better on unseen classes is put in a champion's place."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from mlflow.tracking import MlflowClient
from PIL import Image

from models.registry import TENANT_TAG
from models.visual_search.encoder import OnnxEncoder, turned
from models.visual_search.register import Registration, model_name, register
from models.visual_search.spec import Parameters
from tests.models.visual_search.networks import write_vision
from tests.models.visual_search.test_train import DIMENSIONS, QUICK, pictures

TENANT = UUID(int=5)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture(scope="module")
def network(store: Path) -> Path:
    return write_vision(store / "small", features=DIMENSIONS)


@pytest.fixture(scope="module")
def client(store: Path) -> MlflowClient:
    uri = f"sqlite:///{store}/mlflow.db"
    return MlflowClient(uri, registry_uri=uri)


@pytest.fixture(scope="module")
def history(store: Path, network: Path) -> dict[str, Registration]:
    """Nothing to learn; then something; then the same once more."""

    def train(parameters: Parameters) -> Registration:
        vectors, labels = pictures(apart=1.0)
        told: dict[str, Any] = {"tenant_id": TENANT, "tenant_slug": "acme", "code_version": "test"}
        uri = f"sqlite:///{store}/mlflow.db"
        place = (store / "artifacts").as_uri()
        return register(
            vectors, labels, encoder=network, tracking_uri=uri, artifact_location=place, parameters=parameters, **told
        )

    nothing = Parameters(steps=1, look_every=2)
    return {"nothing": train(nothing), "better": train(QUICK), "same": train(QUICK)}


def test_what_learnt_nothing_is_no_champion(history: dict[str, Registration]) -> None:
    assert (history["nothing"].alias, history["nothing"].lead.value) == ("challenger", 0)


def test_what_is_better_on_unseen_classes_is(history: dict[str, Registration]) -> None:
    assert (history["better"].alias, history["better"].lead.low > 0) == ("champion", True)


def test_what_is_no_better_than_the_champion_leaves_it_in_place(
    history: dict[str, Registration], client: MlflowClient
) -> None:
    assert (history["same"].alias, history["same"].lead.value) == ("challenger", 0)
    held = client.get_model_version_by_alias(model_name("acme"), "champion")
    assert held.version == int(history["better"].version) or held.version == history["better"].version
    assert client.get_registered_model(model_name("acme")).tags == {TENANT_TAG: str(TENANT)}


def test_the_package_encodes_with_what_was_learnt(
    history: dict[str, Registration], client: MlflowClient, network: Path, tmp_path: Path
) -> None:
    package = Path(client.download_artifacts(history["better"].run_id, "model", str(tmp_path)))
    picture = Image.new("RGB", (20, 20), (200, 40, 90))
    alone = OnnxEncoder.load(network).encode([picture])
    packaged = OnnxEncoder.load(package, name="acme/2")
    assert packaged.name == "acme/2"
    assert packaged.encode([picture]) == pytest.approx(turned(alone, np.load(package / "head.npy")), abs=1e-5)
    run = client.get_run(history["better"].run_id).data
    assert run.metrics["map"] > run.metrics["untuned.map"]
    assert run.params["encoder"] == "small"
