"""MLflow's account of a training: every model beside the baselines, the package as a version, and who is champion.

Only the job that trains imports this module; MLflow takes seconds to import.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
from mlflow.tracking import MlflowClient

from models.intervals import difference_interval
from models.recommendation.benchmark import BASELINES, Benchmark, benchmark
from models.recommendation.blend import Blend
from models.recommendation.evaluate import Grades, Verdict, judge
from models.recommendation.package import RecommendationModel
from models.recommendation.spec import (
    FEATURES,
    GATE_MUST_IMPROVE,
    MODEL_NAMES,
    Parameters,
    Progress,
    part_of,
    silent,
)
from models.recommendation.train import train
from models.registry import CHALLENGER, CHAMPION, MODEL_FOLDER, Book, bounds


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
    book = _Book(
        MlflowClient(tracking_uri, registry_uri=tracking_uri),
        tenant_id,
        model_name=model_name(tenant_slug),
        experiment_name=experiment_name(tenant_slug),
        artifact_location=artifact_location,
    )
    run_id = book.record(result, packaged, code_version)
    version = book.add_version(run_id, _version_tags(packaged, code_version))
    incumbent = book.incumbent()
    verdict = judge(result.grades[Blend.name], _graded(incumbent, result)) if incumbent else None
    alias = CHAMPION if verdict is None or verdict.promoted else CHALLENGER
    if verdict is not None:
        book.log_verdict(run_id, verdict)
    book.give(alias, version)
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


class _Book(Book):
    """What this package writes to and reads from MLflow, for one tenant."""

    def record(self, result: Benchmark, packaged: RecommendationModel, code_version: str) -> str:
        """One run for the training, with the package, and one inside it for every model; the id of the outer one."""
        tags = {"data_hash": packaged.provenance.data_hash, "code_version": code_version}
        with self.run("training", tags) as run_id:
            self.log(run_id, _flat(result.parameters.to_json()), _figures(result.grades[Blend.name]))
            self.log(run_id, {}, _leads(result))
            for name, grades in result.grades.items():
                self._record_model(name, grades, result.parameters, {**tags, "mlflow.parentRunId": run_id})
            with tempfile.TemporaryDirectory() as folder:
                packaged.save(Path(folder))
                self.client.log_artifacts(run_id, folder, MODEL_FOLDER)
        return run_id

    def _record_model(self, name: str, grades: Grades, parameters: Parameters, tags: Mapping[str, str]) -> None:
        role = "baseline" if name in BASELINES else "candidate"
        with self.run(name, {**tags, "role": role}) as run_id:
            values = parameters.to_json()
            own = values["blends"] if name == Blend.name else values.get(name, {})
            self.log(run_id, _flat({"catalogue": values["catalogue"], **own}), _figures(grades))

    def incumbent(self) -> RecommendationModel | None:
        """The package that holds the alias now."""
        with tempfile.TemporaryDirectory() as folder:
            place = self.champion(Path(folder))
            return RecommendationModel.load(place) if place else None

    def log_verdict(self, run_id: str, verdict: Verdict) -> None:
        """Write down by how much the alias was won or missed."""
        leads = {f"lead_over_champion.{task}.{metric}": lead for (task, metric), lead in verdict.differences.items()}
        self.log(run_id, {}, bounds(leads))


def _version_tags(packaged: RecommendationModel, code_version: str) -> dict[str, str]:
    return {
        "data_hash": packaged.provenance.data_hash,
        "code_version": code_version,
        "features": json.dumps(FEATURES),
        "trained_until": packaged.provenance.trained_until.isoformat(),
    }


def _figures(grades: Grades) -> dict[str, float]:
    return bounds(
        {f"{task}.{metric}": value for task, grade in grades.items() for metric, value in grade.figures.items()}
    )


def _leads(result: Benchmark) -> dict[str, float]:
    """How far the composition is ahead of each baseline, shopper by shopper, at the figure that the gate asks for."""
    task, metric = GATE_MUST_IMPROVE
    values = {name: grades[task].by_shopper[metric] for name, grades in result.grades.items()}
    return bounds(
        {
            f"lead_over_{name}.{task}.{metric}": difference_interval(values[Blend.name], values[name])
            for name in BASELINES
        }
    )


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
