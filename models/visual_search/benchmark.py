"""Encoders compared on a folder of classes: as they come, and after learning from classes they are not tested on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from foundation.progress import Progress, silent
from models.arrays import Floats
from models.intervals import Interval
from models.visual_search import dataset, train
from models.visual_search.dataset import Labelled, UnreadableFolder
from models.visual_search.encoder import PictureEncoder, turned
from models.visual_search.evaluate import Report, grade, grade_against
from models.visual_search.spec import Metric

Told = Callable[[str], None]
EVERY_CLASS = "every class"
HELD_OUT = "held-out classes"
GALLERY = "gallery"
LOOKED_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Row:
    """One encoder, asked one way."""

    encoder: str
    among: str
    """`EVERY_CLASS` of the folder, only the `HELD_OUT` half that a head never saw, or the pictures of the `GALLERY`."""
    tuned: bool
    """With a head that learnt from the other half of the classes."""
    pictures: int
    """That were asked with."""
    figures: Mapping[Metric, Interval]
    lead: Interval | None
    """In mean average precision, picture by picture, over the same encoder as it comes."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        figures = {metric.value: interval._asdict() for metric, interval in self.figures.items()}
        lead = self.lead and self.lead._asdict()
        return {"encoder": self.encoder, "among": self.among, "tuned": self.tuned, "pictures": self.pictures} | {
            **figures,
            "lead_over_untuned": lead,
        }


@dataclass(frozen=True, slots=True)
class Cost:
    """What an encoder takes."""

    encoder: str
    dimensions: int
    milliseconds: float
    """Of a core, a picture, decoding and scaling included."""
    tuning_seconds: float
    """Of a core, both halves together."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was measured on one folder."""

    name: str
    pictures: int
    classes: int
    rows: list[Row]
    costs: list[Cost]
    untuned_because: str | None
    """Why nothing was learnt."""

    def to_json(self) -> dict[str, Any]:
        """One JSON object."""
        costs = [
            {"encoder": one.encoder, "dimensions": one.dimensions}
            | {"milliseconds": round(one.milliseconds, 2), "tuning_seconds": round(one.tuning_seconds, 1)}
            for one in self.costs
        ]
        return {
            "set": self.name,
            "pictures": self.pictures,
            "classes": self.classes,
            "rows": [row.to_json() for row in self.rows],
            "costs": costs,
            "untuned_because": self.untuned_because,
        }


def measure(
    folder: Path,
    encoders: Mapping[str, Callable[[], PictureEncoder]],
    *,
    gallery: Path | None = None,
    progress: Progress = silent,
    tell: Told = lambda _: None,
) -> Outcome:
    """Compare encoders, each loaded in its turn, on a folder with a folder a class.

    Raises:
        UnreadableFolder: the folder or the gallery is not of its form.
        EncoderMissing: an encoder is not there.
    """
    labelled = dataset.load(folder)
    classes = np.unique(labelled.labels)
    clean = dataset.gallery(gallery, classes.tolist()) if gallery else None
    tell(f"{folder.name}: {len(labelled.files):,} pictures of {len(classes)} classes")
    because = _why_nothing_is_learnt(labelled)
    if because is not None:
        tell(f"  nothing is learnt: {because}")
    rows: list[Row] = []
    costs: list[Cost] = []
    for load in encoders.values():
        encoder = load()
        started = time.process_time()
        vectors = encoded(encoder, labelled, progress=progress)
        spent = (time.process_time() - started) * 1000 / len(labelled.files)
        every = grade(vectors, labelled.labels)
        rows += _told([Row(encoder.name, EVERY_CLASS, tuned=False, lead=None, **_of(every))], tell)
        shown = encoded(encoder, clean) if clean else None
        if clean is not None and shown is not None:
            asked = _asked_about(labelled, vectors, clean)
            report = grade_against(*asked, shown, clean.labels)
            rows += _told([Row(encoder.name, GALLERY, tuned=False, lead=None, **_of(report))], tell)
        started = time.process_time()
        if because is None:
            rows += _told(_halves(encoder.name, labelled, vectors, clean, shown), tell)
        costs.append(Cost(encoder.name, encoder.dimensions, spent, time.process_time() - started))
    return Outcome(folder.name, len(labelled.files), len(classes), rows, costs, because)


def encoded(encoder: PictureEncoder, labelled: Labelled, *, progress: Progress = silent) -> Floats:
    """The vectors of pictures, no more than some of which are in memory at a time."""
    parts: list[Floats] = []
    waiting = []
    for at, picture in enumerate(labelled.opened(), start=1):
        waiting.append(picture)
        if len(waiting) == LOOKED_AT_ONCE or at == len(labelled.files):
            parts.append(encoder.encode(waiting))
            waiting = []
            progress(at, len(labelled.files), f"pictures through {encoder.name}")
    return np.concatenate(parts)


def _why_nothing_is_learnt(labelled: Labelled) -> str | None:
    try:
        dataset.in_halves(labelled.labels)
    except UnreadableFolder as fault:
        return str(fault)
    return None


def _halves(name: str, labelled: Labelled, vectors: Floats, clean: Labelled | None, shown: Floats | None) -> list[Row]:
    """Each half of the classes tested with a head that learnt from the other."""
    labels = labelled.labels
    before, after, before_clean, after_clean = [], [], [], []
    for split in dataset.in_halves(labels):
        head = train.fit(vectors[split.learn], labels[split.learn]).weights
        tested, kinds = vectors[split.test], labels[split.test]
        before.append(grade(tested, kinds))
        after.append(grade(turned(tested, head), kinds))
        if clean is not None and shown is not None:
            # The whole gallery, as in a shop: the classes that were learnt from are in the way as well.
            known = np.isin(kinds, clean.labels)
            before_clean.append(grade_against(tested[known], kinds[known], shown, clean.labels))
            turned_tested, turned_shown = turned(tested[known], head), turned(shown, head)
            after_clean.append(grade_against(turned_tested, kinds[known], turned_shown, clean.labels))
    rows = _before_and_after(name, HELD_OUT, _joined(before), _joined(after))
    if before_clean:
        _, second = _before_and_after(name, GALLERY, _joined(before_clean), _joined(after_clean))
        rows.append(second)
    return rows


def _before_and_after(name: str, among: str, before: Report, after: Report) -> list[Row]:
    return [
        Row(name, among, tuned=False, lead=None, **_of(before)),
        Row(name, among, tuned=True, lead=after.lead_over(before), **_of(after)),
    ]


def _joined(reports: list[Report]) -> Report:
    return Report({metric: np.concatenate([one.by_picture[metric] for one in reports]) for metric in Metric})


def _asked_about(labelled: Labelled, vectors: Floats, clean: Labelled) -> tuple[Floats, Any]:
    known = np.isin(labelled.labels, clean.labels)
    return vectors[known], labelled.labels[known]


def _of(report: Report) -> dict[str, Any]:
    return {"pictures": len(report.by_picture[Metric.RECALL_AT_1]), "figures": report.figures}


def _told(rows: list[Row], tell: Told) -> list[Row]:
    for row in rows:
        figures = "  ".join(f"{metric.value} {interval.value:.3f}" for metric, interval in row.figures.items())
        tell(f"  {row.encoder:<20} {row.among:<17} {'tuned' if row.tuned else '':<6} {figures}")
    return rows
