"""What every package that trains writes to and reads from MLflow: its runs, the versions of a tenant's model, and which
of them is champion.

MLflow takes seconds to import, so it is imported when it is used: the names are of use to serving as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from foundation import clock
from models.intervals import Interval

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

CHAMPION = "champion"
CHALLENGER = "challenger"
TENANT_TAG = "tenant_id"
"""The registered model's tag that says whose it is."""
MODEL_FOLDER = "model"
"""Where a run keeps the package that is served."""


class Book:
    """What is written of one tenant's model. The registered model carries `TENANT_TAG`, by which serving knows it."""

    def __init__(
        self,
        client: MlflowClient,
        tenant_id: UUID,
        *,
        model_name: str,
        experiment_name: str,
        artifact_location: str | None = None,
    ) -> None:
        self.client = client
        self.tenant_id = tenant_id
        self.model_name = model_name
        known = client.get_experiment_by_name(experiment_name)
        self.experiment_id = (
            known.experiment_id if known else client.create_experiment(experiment_name, artifact_location)
        )

    @contextmanager
    def run(self, name: str, tags: Mapping[str, str]) -> Iterator[str]:
        """A run, by its id; one that raises is marked as failed."""
        run_id: str = self.client.create_run(self.experiment_id, run_name=name, tags=dict(tags)).info.run_id
        try:
            yield run_id
        except BaseException:
            self.client.set_terminated(run_id, "FAILED")
            raise
        self.client.set_terminated(run_id, "FINISHED")

    def log(self, run_id: str, parameters: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        """Write down what a run was told, and what it found."""
        from mlflow.entities import Metric, Param  # noqa: PLC0415

        now = int(clock.now().timestamp() * 1000)
        self.client.log_batch(
            run_id,
            metrics=[Metric(name, value, now, 0) for name, value in metrics.items()],
            params=[Param(name, str(value)) for name, value in parameters.items()],
        )

    def add_version(self, run_id: str, tags: Mapping[str, str]) -> str:
        """Register the package of a run; the number of its version."""
        if not self.client.search_registered_models(f"name = '{self.model_name}'"):
            self.client.create_registered_model(self.model_name, tags={TENANT_TAG: str(self.tenant_id)})
        source = f"{self.client.get_run(run_id).info.artifact_uri}/{MODEL_FOLDER}"
        return str(self.client.create_model_version(self.model_name, source, run_id, tags=dict(tags)).version)

    def champion(self, into: Path) -> Path | None:
        """The package that holds the alias now, fetched into a folder; `None` where none does."""
        version = self._aliases().get(CHAMPION)
        if version is None:
            return None
        run_id = str(self.client.get_model_version(self.model_name, version).run_id)
        return Path(self.client.download_artifacts(run_id, MODEL_FOLDER, str(into)))

    def give(self, alias: str, version: str) -> None:
        """Move the alias; who has become champion is no challenger any more."""
        self.client.set_registered_model_alias(self.model_name, alias, version)
        if alias == CHAMPION and CHALLENGER in self._aliases():
            self.client.delete_registered_model_alias(self.model_name, CHALLENGER)

    def _aliases(self) -> Mapping[str, str]:
        if not self.client.search_registered_models(f"name = '{self.model_name}'"):
            return {}
        aliases: Mapping[str, str] = self.client.get_registered_model(self.model_name).aliases
        return aliases


def bounds(intervals: Mapping[str, Interval]) -> dict[str, float]:
    """Figures with intervals as metrics: `name`, `name.low` and `name.high`."""
    return {
        f"{name}{suffix}": figure
        for name, interval in intervals.items()
        for suffix, figure in zip(("", ".low", ".high"), interval, strict=True)
    }
