"""What a shop's own pictures teach: a linear head on the encoder's vectors, by metric learning.

The encoder itself stays as it is, so that a minute on two cores is enough, and a few hundred pictures can't spoil what
it learnt from millions. The head begins as the identity and is pulled by the multi-similarity loss (Wang et al., CVPR
2019) until the validation classes, which it never sees, are found no better.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from foundation.progress import Progress, silent
from models.arrays import Floats, Ints, Strings
from models.visual_search.dataset import Split
from models.visual_search.encoder import turned, unit
from models.visual_search.evaluate import grade
from models.visual_search.spec import GATE, Parameters

LEAST_BETTER = 1e-4


@dataclass(frozen=True, slots=True)
class Head:
    """A matrix that turns the vectors of an encoder, and how it came about."""

    weights: Floats
    steps: int
    """After which it was best; 0 where nothing learnt was better than the encoder alone."""
    before: float
    """The gate's figure of the encoder alone, on the validation classes."""
    after: float


def fit(
    vectors: Floats, labels: Strings, split: Split, parameters: Parameters | None = None, *, progress: Progress = silent
) -> Head:
    """Learn from the split's classes for learning, and stop by those for validation.

    The same vectors, labels and parameters give the same head on the same machine.
    """
    # Seconds to import, and only whoever trains needs them.
    import torch  # noqa: PLC0415
    from pytorch_metric_learning.losses import MultiSimilarityLoss  # noqa: PLC0415

    chosen = parameters or Parameters()
    inputs = unit(vectors)
    shown, shown_labels = inputs[split.validate], labels[split.validate]
    learnt = torch.from_numpy(inputs[split.learn])
    _, classes = np.unique(labels[split.learn], return_inverse=True)
    weights = torch.eye(inputs.shape[1], requires_grad=True)
    loss, optimizer = MultiSimilarityLoss(), torch.optim.Adam([weights], lr=chosen.learning_rate)

    def graded() -> float:
        return float(grade(turned(shown, weights.detach().numpy()), shown_labels).figures[GATE].value)

    before = graded()
    best, best_at, since = before, 0, 0
    kept: Floats = weights.detach().numpy().copy()
    for step, batch in enumerate(_batches(classes, chosen), start=1):
        optimizer.zero_grad()
        turned_batch = torch.nn.functional.normalize(learnt[batch] @ weights.T)
        loss(turned_batch, torch.from_numpy(classes[batch])).backward()
        optimizer.step()
        if step % chosen.look_every:
            continue
        progress(step, chosen.steps, "steps")
        figure = graded()
        since = 0 if figure > best + LEAST_BETTER else since + 1
        if since == 0:
            best, best_at, kept = figure, step, weights.detach().numpy().copy()
        if since == chosen.patience:
            break
    return Head(kept, best_at, before, best)


def _batches(classes: Ints, parameters: Parameters) -> Iterator[Ints]:
    """As many pictures of each class, of as many classes as there are places for."""
    random = np.random.default_rng(parameters.seed)
    pictures_of = [np.flatnonzero(classes == one) for one in range(int(classes.max()) + 1)]
    many = min(len(pictures_of), parameters.most_classes)
    each = max(2, parameters.batch // many)
    for _ in range(parameters.steps):
        drawn = random.choice(len(pictures_of), many, replace=False)
        yield np.concatenate(
            [random.choice(pictures_of[one], each, replace=len(pictures_of[one]) < each) for one in drawn]
        )
