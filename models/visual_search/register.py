"""MLflow's account of a training on a shop's pictures: the encoder with its head as a version, and who is champion.

What is registered is what was measured: a third of the classes is never learnt from, and is the same third each time.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import UUID

import numpy as np
from mlflow.tracking import MlflowClient

from foundation.progress import Progress, silent
from models.arrays import Floats, Strings
from models.intervals import Interval
from models.registry import CHALLENGER, CHAMPION, MODEL_FOLDER, Book, bounds
from models.visual_search import dataset
from models.visual_search.encoder import FILES, HEAD, turned
from models.visual_search.evaluate import Report, grade
from models.visual_search.spec import GATE, MODEL_NAMES, Parameters
from models.visual_search.train import Head, fit

ENCODER_TAG = "encoder"
"""The version's tag that says which encoder its head belongs to."""


@dataclass(frozen=True, slots=True)
class Registration:
    """The version that was registered, and what became of it."""

    model_name: str
    version: str
    run_id: str
    alias: str
    """`champion`, or `challenger` when what there is keeps its place."""
    report: Report
    """On the held-out classes."""
    lead: Interval
    """In mean average precision over what there is: the champion, or else the encoder as it comes."""


def model_name(tenant_slug: str) -> str:
    """The registered model of a tenant."""
    return f"{MODEL_NAMES}{tenant_slug}"


def experiment_name(tenant_slug: str) -> str:
    """The experiment that a tenant's trainings are logged under."""
    return f"visual-search/{tenant_slug}"


def register(
    vectors: Floats,
    labels: Strings,
    *,
    encoder: Path,
    tenant_id: UUID,
    tenant_slug: str,
    tracking_uri: str,
    code_version: str,
    artifact_location: str | None = None,
    parameters: Parameters | None = None,
    progress: Progress = silent,
) -> Registration:
    """Learn a head from the vectors that the encoder of a folder gave a tenant's pictures, measure it, register it.

    It becomes champion only if it is better than what there is, on classes that neither has seen, beyond the interval.
    `artifact_location` is for a new experiment on a store without a server; a server knows its own.

    Raises:
        UnreadableFolder: there are too few classes.
    """
    chosen = parameters or Parameters()
    split = dataset.held_out(labels)
    head = fit(vectors[split.learn], labels[split.learn], chosen, progress=progress)
    book = Book(
        MlflowClient(tracking_uri, registry_uri=tracking_uri),
        tenant_id,
        model_name=model_name(tenant_slug),
        experiment_name=experiment_name(tenant_slug),
        artifact_location=artifact_location,
    )
    tested, kinds = vectors[split.test], labels[split.test]
    alone, report = grade(tested, kinds), grade(turned(tested, head.weights), kinds)
    present = _champion(book, encoder, tested, kinds) or alone
    lead = report.lead_over(present)
    tags = {"data_hash": _hash(vectors, labels), "code_version": code_version, ENCODER_TAG: encoder.name}
    with book.run("training", tags) as run_id:
        counted = {"pictures": len(labels), "classes": len(np.unique(labels)), "tested_on": len(np.unique(kinds))}
        book.log(run_id, {**asdict(chosen), **counted, ENCODER_TAG: encoder.name}, _figures(head, report, alone, lead))
        with tempfile.TemporaryDirectory() as folder:
            _package(encoder, head, Path(folder))
            book.client.log_artifacts(run_id, folder, MODEL_FOLDER)
    version = book.add_version(run_id, tags)
    alias = CHAMPION if lead.low > 0 else CHALLENGER
    book.give(alias, version)
    return Registration(book.model_name, version, run_id, alias, report, lead)


def _champion(book: Book, encoder: Path, vectors: Floats, labels: Strings) -> Report | None:
    """How the champion does on the same pictures; `None` where there is none, or it belongs to another encoder."""
    with tempfile.TemporaryDirectory() as folder:
        place = book.champion(Path(folder))
        if place is None or _network(place) != _network(encoder):
            return None
        return grade(turned(vectors, np.load(place / HEAD, allow_pickle=False)), labels)


def _network(folder: Path) -> list[bytes]:
    """What tells encoders apart, whatever their folders are called."""
    return [(folder / name).read_bytes() for name in FILES if (folder / name).is_file()]


def _package(encoder: Path, head: Head, folder: Path) -> None:
    for name in FILES:
        if (encoder / name).is_file():
            shutil.copy(encoder / name, folder / name)
    np.save(folder / HEAD, head.weights)


def _figures(head: Head, report: Report, alone: Report, lead: Interval) -> dict[str, float]:
    trained = {"steps_taken": head.steps, "validation.gain": head.gain, "validation.error": head.error}
    measured = {metric.value: interval for metric, interval in report.figures.items()}
    untuned = {f"untuned.{metric.value}": interval for metric, interval in alone.figures.items()}
    leads = {f"lead_over_present.{GATE}": lead, f"lead_over_untuned.{GATE}": report.lead_over(alone)}
    return {**trained, **bounds({**measured, **untuned, **leads})}


def _hash(vectors: Floats, labels: Strings) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(vectors).tobytes())
    digest.update("\0".join(labels.tolist()).encode())
    return digest.hexdigest()
