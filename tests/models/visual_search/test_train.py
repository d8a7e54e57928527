"""What a head learns: which directions tell classes apart, of classes that it never saw, and nothing where nothing does."""

from __future__ import annotations

import numpy as np

from models.arrays import Floats, Strings
from models.visual_search import dataset
from models.visual_search.encoder import turned, unit
from models.visual_search.evaluate import grade
from models.visual_search.spec import Parameters
from models.visual_search.train import fit

DIMENSIONS = 24
TELLING = 8
QUICK = Parameters(learning_rate=3e-3, steps=120, look_every=20)


def pictures(*, apart: float) -> tuple[Floats, Strings]:
    """Twenty classes of eight pictures that differ in some dimensions, and in others by the light they were taken in."""
    random = np.random.default_rng(3)
    labels = np.repeat([f"class {number}" for number in range(20)], 8)
    centres = np.repeat(random.normal(size=(20, TELLING)) * apart, 8, axis=0)
    own = centres + 0.3 * random.normal(size=centres.shape)
    light = 2.0 * random.normal(size=(len(labels), DIMENSIONS - TELLING))
    return unit(np.hstack([own, light]).astype(np.float32)), labels


def test_what_tells_classes_apart_is_learnt_and_holds_for_others() -> None:
    vectors, labels = pictures(apart=1.0)
    split = dataset.held_out(labels)
    head = fit(vectors[split.learn], labels[split.learn], QUICK)
    before = grade(vectors[split.test], labels[split.test])
    after = grade(turned(vectors[split.test], head.weights), labels[split.test])
    assert head.gain > head.error > 0
    assert after.lead_over(before).low > 0.1
    assert np.array_equal(fit(vectors[split.learn], labels[split.learn], QUICK).weights, head.weights)


def test_where_nothing_tells_them_apart_the_encoder_stays_as_it_is() -> None:
    vectors, labels = pictures(apart=0.0)
    head = fit(vectors, labels, QUICK)
    assert (head.steps, head.gain) == (0, 0)
    assert np.array_equal(head.weights, np.eye(DIMENSIONS, dtype=np.float32))
