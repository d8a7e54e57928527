"""MLflow's account of a training: every model beside the baselines, the package as a version, and who is champion.

Only the job that trains imports this module; MLflow takes seconds to import.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
from mlflow.entities import Metric as LoggedMetric
from mlflow.entities import Param
from mlflow.tracking import MlflowClient

from foundation import clock
from models.intervals import Interval, difference_interval
from models.recommendation.benchmark import BASELINES, Benchmark, benchmark
from models.recommendation.blend import Blend
from models.recommendation.evaluate import Grades, Verdict, judge
from models.recommendation.package import RecommendationModel
from models.recommendation.spec import (
    CHALLENGER,
    CHAMPION,
    FEATURES,
    GATE_MUST_IMPROVE,
    MODEL_FOLDER,
    MODEL_NAMES,
    TENANT_TAG,
    Parameters,
    Progress,
    part_of,
    silent,
)
from models.recommendation.train import train


@dataclass(frozen=True)
class Registration:
    """The version that was registered, and what became of it."""

    model_name: str
    version: str
    run_id: str
    alias: str
    """`champion`, or `challenger` when the incumbent keeps its place."""
    verdict: Verdict | None
    """`None` when there was no incumbent to beat."""
    benchmark: Benchmark


def register(
    interactions: pl.DataFrame,
    *,
    tenant_id: UUID,
    tenant_slug: str,
    tracking_uri: str,
    code_version: str,
    artifact_location: str | None = None,
    parameters: Parameters | None = None,
    progress: Progress = silent,
) -> Registration:
    """Evaluate on the last weeks, train the chosen composition on everything, and register it.

    The figures are those of the models that saw nothing of the test weeks; the registered version is the same recipe
    trained on all of `interactions`. It becomes champion when there is none, or when the gate of `spec` says so.
    The registered model carries the tag `tenant_id`, by which serving knows whose it is.
    `artifact_location` is for a new experiment on a store without a server; a server knows its own.

    Raises:
        ValueError: when there is too little to split and to learn from.
    """
    result = benchmark(interactions, parameters=parameters, progress=part_of(progress, 0.0, 0.75))
    packaged = train(interactions, parameters=result.parameters, progress=part_of(progress, 0.75, 0.9))
    progress("registering", 0.9)
    book = _Book(MlflowClient(tracking_uri, registry_uri=tracking_uri), tenant_id, tenant_slug, artifact_location)
    run_id = book.record(result, packaged, code_version)
    version = book.add_version(run_id, packaged, code_version)
    incumbent = book.champion()
    verdict = judge(result.grades[Blend.name], _graded(incumbent, result)) if incumbent else None
    alias = CHAMPION if verdict is None or verdict.promoted else CHALLENGER
    book.give(alias, version, run_id, verdict)
    progress("registered", 1.0)
    return Registration(book.model_name, version, run_id, alias, verdict, result)


def model_name(tenant_slug: str) -> str:
    """The registered model of a tenant."""
    return f"{MODEL_NAMES}{tenant_slug}"


def experiment_name(tenant_slug: str) -> str:
    """The experiment that a tenant's trainings are logged under."""
    return f"recommendation/{tenant_slug}"


def _graded(incumbent: RecommendationModel, result: Benchmark) -> Grades:
    """The incumbent on the same test weeks; one trained on them is trained again before them, by its own recipe."""
    split = result.exam.split
    if incumbent.provenance.trained_until > split.at:
        incumbent = train(split.train, parameters=incumbent.parameters, until=split.at)
    return result.exam.grade_package(incumbent)


class _Book:
    """What this package writes to and reads from MLflow, for one tenant."""

    def __init__(self, client: MlflowClient, tenant_id: UUID, tenant_slug: str, artifact_location: str | None) -> None:
        self.client = client
        self.tenant_id = tenant_id
        self.model_name = model_name(tenant_slug)
        name = experiment_name(tenant_slug)
        known = client.get_experiment_by_name(name)
        self.experiment_id = known.experiment_id if known else client.create_experiment(name, artifact_location)

    def record(self, result: Benchmark, packaged: RecommendationModel, code_version: str) -> str:
        """One run for the training, with the package, and one inside it for every model; the id of the outer one."""
        tags = {"data_hash": packaged.provenance.data_hash, "code_version": code_version}
        with self._run("training", tags) as run_id:
            self._log(run_id, _flat(result.parameters.to_json()), _figures(result.grades[Blend.name]))
            self._log(run_id, {}, _leads(result))
            for name, grades in result.grades.items():
                self._record_model(name, grades, result.parameters, {**tags, "mlflow.parentRunId": run_id})
            with tempfile.TemporaryDirectory() as folder:
                packaged.save(Path(folder))
                self.client.log_artifacts(run_id, folder, MODEL_FOLDER)
        return run_id

    def _record_model(self, name: str, grades: Grades, parameters: Parameters, tags: Mapping[str, str]) -> None:
        role = "baseline" if name in BASELINES else "candidate"
        with self._run(name, {**tags, "role": role}) as run_id:
            values = parameters.to_json()
            own = values["blends"] if name == Blend.name else values.get(name, {})
            self._log(run_id, _flat({"catalogue": values["catalogue"], **own}), _figures(grades))

    def add_version(self, run_id: str, packaged: RecommendationModel, code_version: str) -> str:
        """Register the package of a run; the number of its version."""
        if not self.client.search_registered_models(f"name = '{self.model_name}'"):
            self.client.create_registered_model(self.model_name, tags={TENANT_TAG: str(self.tenant_id)})
        source = f"{self.client.get_run(run_id).info.artifact_uri}/{MODEL_FOLDER}"
        tags = {
            "data_hash": packaged.provenance.data_hash,
            "code_version": code_version,
            "features": json.dumps(FEATURES),
            "trained_until": packaged.provenance.trained_until.isoformat(),
        }
        return str(self.client.create_model_version(self.model_name, source, run_id, tags=tags).version)

    def champion(self) -> RecommendationModel | None:
        """The package that holds the alias now."""
        version = self._aliases().get(CHAMPION)
        if version is None:
            return None
        run_id = str(self.client.get_model_version(self.model_name, version).run_id)
        with tempfile.TemporaryDirectory() as folder:
            return RecommendationModel.load(Path(self.client.download_artifacts(run_id, MODEL_FOLDER, folder)))

    def give(self, alias: str, version: str, run_id: str, verdict: Verdict | None) -> None:
        """Move the alias, and write down by how much it was won or missed."""
        if verdict is not None:
            leads = {
                f"lead_over_champion.{task}.{metric}": lead for (task, metric), lead in verdict.differences.items()
            }
            self._log(run_id, {}, _bounds(leads))
        self.client.set_registered_model_alias(self.model_name, alias, version)
        if alias == CHAMPION and CHALLENGER in self._aliases():
            self.client.delete_registered_model_alias(self.model_name, CHALLENGER)

    def _aliases(self) -> Mapping[str, str]:
        aliases: Mapping[str, str] = self.client.get_registered_model(self.model_name).aliases
        return aliases

    @contextmanager
    def _run(self, name: str, tags: Mapping[str, str]) -> Iterator[str]:
        run_id: str = self.client.create_run(self.experiment_id, run_name=name, tags=dict(tags)).info.run_id
        try:
            yield run_id
        except BaseException:
            self.client.set_terminated(run_id, "FAILED")
            raise
        self.client.set_terminated(run_id, "FINISHED")

    def _log(self, run_id: str, parameters: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        now = int(clock.now().timestamp() * 1000)
        self.client.log_batch(
            run_id,
            metrics=[LoggedMetric(name, value, now, 0) for name, value in metrics.items()],
            params=[Param(name, str(value)) for name, value in parameters.items()],
        )


def _figures(grades: Grades) -> dict[str, float]:
    return _bounds(
        {f"{task}.{metric}": value for task, grade in grades.items() for metric, value in grade.figures.items()}
    )


def _leads(result: Benchmark) -> dict[str, float]:
    """How far the composition is ahead of each baseline, shopper by shopper, at the figure that the gate asks for."""
    task, metric = GATE_MUST_IMPROVE
    values = {name: grades[task].by_shopper[metric] for name, grades in result.grades.items()}
    return _bounds(
        {
            f"lead_over_{name}.{task}.{metric}": difference_interval(values[Blend.name], values[name])
            for name in BASELINES
        }
    )


def _bounds(intervals: Mapping[str, Interval]) -> dict[str, float]:
    return {
        f"{name}{suffix}": figure
        for name, interval in intervals.items()
        for suffix, figure in zip(("", ".low", ".high"), interval, strict=True)
    }


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
