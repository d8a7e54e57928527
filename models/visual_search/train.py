"""What a shop's own pictures teach: a linear head on the encoder's vectors, by metric learning.

The encoder itself stays as it is, so that a minute on two cores is enough, and a few hundred pictures can't spoil what
it learnt from millions. The head begins as the identity and is pulled by the multi-similarity loss (Wang et al., CVPR
2019). How long is found by cross-validation over classes: each part of them is looked for with what was learnt from the
others, and training goes on as long as that gains on average over the parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from foundation.progress import Progress, silent
from models.arrays import Floats, Ints, Strings
from models.visual_search import dataset
from models.visual_search.encoder import turned, unit
from models.visual_search.evaluate import grade
from models.visual_search.spec import GATE, Parameters

LEAST_BETTER = 1e-3


@dataclass(frozen=True, slots=True)
class Head:
    """A matrix that turns the vectors of an encoder, and how it came about."""

    weights: Floats
    steps: int
    """That were taken; 0 where nothing was gained beyond the error, and the encoder stays as it is."""
    gain: float
    """In the gate's figure after as many steps, on average over the parts of the classes."""
    error: float
    """The standard error of that average."""


def fit(vectors: Floats, labels: Strings, parameters: Parameters | None = None, *, progress: Progress = silent) -> Head:
    """Learn to tell these classes apart, and others with them.

    The same vectors, labels and parameters give the same head on the same machine.
    """
    chosen, inputs = parameters or Parameters(), unit(vectors)
    steps, gain, error = _validated(inputs, labels, chosen, progress)
    learner = _Learner(inputs, labels, chosen)
    learner.advance(steps)
    return Head(learner.weights, steps, gain, error)


def _validated(
    vectors: Floats, labels: Strings, parameters: Parameters, progress: Progress
) -> tuple[int, float, float]:
    """After how many steps the gain is largest, the gain, and its standard error; all 0 where there is none."""
    parts = [
        (_Learner(vectors[learn], labels[learn], parameters), vectors[shown], labels[shown])
        for learn, shown in dataset.folds(labels, parameters.folds)
    ]
    before = np.array([_figure(shown, kinds) for _, shown, kinds in parts])
    best, since = (0, 0.0, 0.0), 0
    for step in range(parameters.look_every, parameters.steps + 1, parameters.look_every):
        for learner, _, _ in parts:
            learner.advance(parameters.look_every)
        after = np.array([_figure(turned(shown, learner.weights), kinds) for learner, shown, kinds in parts])
        gains = after - before
        gain, error = float(gains.mean()), float(gains.std(ddof=1) / np.sqrt(len(gains)))
        since = 0 if gain > best[1] + LEAST_BETTER and gain > error else since + 1
        if since == 0:
            best = step, gain, error
        if since == parameters.patience:
            break
        progress(step, parameters.steps, "steps")
    return best


def _figure(vectors: Floats, labels: Strings) -> float:
    return float(grade(vectors, labels).by_picture[GATE].mean())


class _Learner:
    """One head in the making."""

    def __init__(self, vectors: Floats, labels: Strings, parameters: Parameters) -> None:
        # Seconds to import, and only whoever trains needs them.
        import torch  # noqa: PLC0415
        from pytorch_metric_learning.losses import MultiSimilarityLoss  # noqa: PLC0415

        _, self._classes = np.unique(labels, return_inverse=True)
        self._batches = _batches(self._classes, parameters)
        self._vectors = torch.from_numpy(vectors)
        self._weights = torch.eye(vectors.shape[1], requires_grad=True)
        self._loss = MultiSimilarityLoss()
        self._optimizer = torch.optim.Adam([self._weights], lr=parameters.learning_rate)

    @property
    def weights(self) -> Floats:
        """As they are now."""
        found: Floats = self._weights.detach().numpy().copy()
        return found

    def advance(self, steps: int) -> None:
        """Take so many steps more."""
        import torch  # noqa: PLC0415

        for batch in islice(self._batches, steps):
            self._optimizer.zero_grad()
            through = torch.nn.functional.normalize(self._vectors[batch] @ self._weights.T)
            self._loss(through, torch.from_numpy(self._classes[batch])).backward()
            self._optimizer.step()


def _batches(classes: Ints, parameters: Parameters) -> Iterator[Ints]:
    """As many pictures of each class, of as many classes as there are places for, without end."""
    random = np.random.default_rng(parameters.seed)
    pictures_of = [np.flatnonzero(classes == one) for one in range(int(classes.max()) + 1)]
    many = min(len(pictures_of), parameters.most_classes)
    each = max(2, parameters.batch // many)
    while True:
        drawn = random.choice(len(pictures_of), many, replace=False)
        yield np.concatenate(
            [random.choice(pictures_of[one], each, replace=len(pictures_of[one]) < each) for one in drawn]
        )
