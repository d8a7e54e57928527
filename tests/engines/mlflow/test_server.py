"""MLflow's server as the stack starts it, through the stock client."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from mlflow.tracking import MlflowClient

from tradewind.processes import free_port

NAME = "recommendation-test"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "tradewind.engines.mlflow", "--port", str(port)),
            *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db"),
            *("--artifacts-destination", str(folder / "artifacts")),
        ]
    )
    address = f"http://127.0.0.1:{port}"
    while process.poll() is None:
        with suppress(httpx.TransportError):
            if httpx.get(f"{address}/health").text == "OK":
                break
        time.sleep(0.1)
    yield address
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) in {0, -signal.SIGTERM}


def test_runs_artifacts_versions_and_aliases_go_through_the_server(address: str, folder: Path, tmp_path: Path) -> None:
    client = MlflowClient(address, registry_uri=address)
    run_id = client.create_run(client.create_experiment("one")).info.run_id
    client.log_metric(run_id, "ndcg_at_20", 0.3)
    (tmp_path / "model.txt").write_text("weights")
    client.log_artifact(run_id, str(tmp_path / "model.txt"), "model")
    client.create_registered_model(NAME, tags={"tenant_id": "a"})
    source = f"{client.get_run(run_id).info.artifact_uri}/model"
    version = client.create_model_version(NAME, source, run_id)
    client.set_registered_model_alias(NAME, "champion", version.version)

    again = MlflowClient(address, registry_uri=address)
    assert again.get_model_version_by_alias(NAME, "champion").run_id == run_id
    assert again.get_run(run_id).data.metrics == {"ndcg_at_20": 0.3}
    got = again.download_artifacts(run_id, "model", str(tmp_path))
    assert Path(got, "model.txt").read_text() == "weights"
    assert [file.name for file in (folder / "artifacts").rglob("*.txt")] == ["model.txt"]


def test_its_pages_are_there(address: str) -> None:
    page = httpx.get(f"{address}/")

    assert page.status_code == 200
    assert "<title>MLflow</title>" in page.text
