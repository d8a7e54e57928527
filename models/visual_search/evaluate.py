"""How good vectors are: each picture asked with, its class looked for among the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.arrays import Doubles, Flags, Floats, Strings
from models.intervals import Interval, difference_interval, mean_interval
from models.visual_search.spec import FIRST, GATE, Metric

AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Report:
    """How one encoder did."""

    by_picture: Mapping[Metric, Doubles]
    """In the order of the pictures asked with; those whose class has no other picture are not."""

    @property
    def figures(self) -> dict[Metric, Interval]:
        """The mean of each, with its interval."""
        return {metric: mean_interval(values) for metric, values in self.by_picture.items()}

    def lead_over(self, other: Report, metric: Metric = GATE) -> Interval:
        """How far this one is ahead of another, picture by picture."""
        return difference_interval(self.by_picture[metric], other.by_picture[metric])


def grade(vectors: Floats, labels: Strings) -> Report:
    """Ask with every picture, and look among all the others."""
    found = [
        relevant(vectors[first : first + AT_ONCE], vectors, labels[first : first + AT_ONCE], labels, first=first)
        for first in range(0, len(vectors), AT_ONCE)
    ]
    return _report(np.concatenate(found))


def grade_against(vectors: Floats, labels: Strings, gallery: Floats, gallery_labels: Strings) -> Report:
    """Ask with every picture, and look in a gallery that holds none of them."""
    return _report(relevant(vectors, gallery, labels, gallery_labels, first=None))


def relevant(queries: Floats, others: Floats, asked: Strings, labels: Strings, *, first: int | None) -> Flags:
    """Whether each of the others is of the query's class, the nearest first: a row a query.

    With `first`, the queries are those of the others from there on, and each is left out of its own row.
    """
    scores = queries @ others.T
    if first is not None:
        scores[np.arange(len(queries)), first + np.arange(len(queries))] = -np.inf
    # Stable, so that equals keep the order of the files whatever the machine.
    order = np.argsort(-scores, axis=1, kind="stable")
    if first is not None:
        order = order[:, :-1]
    found: Flags = labels[order] == asked[:, None]
    return found


def _report(rows: Flags) -> Report:
    asked = rows[rows.any(axis=1)]
    if not len(asked):
        raise ValueError("No picture has another of its class: there is nothing to ask.")
    places = np.arange(1, asked.shape[1] + 1)
    precision = asked.cumsum(axis=1) / places
    return Report(
        {
            Metric.RECALL_AT_1: asked[:, 0].astype(float),
            Metric.RECALL: asked[:, :FIRST].any(axis=1).astype(float),
            Metric.PRECISION: asked[:, :FIRST].sum(axis=1) / FIRST,
            Metric.AVERAGE_PRECISION: (precision * asked).sum(axis=1) / asked.sum(axis=1),
        }
    )
