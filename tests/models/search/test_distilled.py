"""An encoder distilled from another, whose words are known to mean what they do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from foundation.progress import Progress, silent
from models.arrays import Floats, Ints
from models.search.distilled import Distilled, distilling
from models.search.shortening import unit

WORDS = [f"word{number}" for number in range(60)]


class KnownTeacher:
    """Adds up a vector a word, all of which lie in a few of its dimensions; but of a word alone it knows little."""

    name = "known"
    dimensions = 24
    at_once = 100
    vocabulary: Sequence[str] = WORDS

    def __init__(self) -> None:
        random = np.random.default_rng(2)
        self._means = (random.normal(size=(len(WORDS), 6)) @ random.normal(size=(6, 24))).astype(np.float32)
        self._alone = random.normal(size=(len(WORDS), 24)).astype(np.float32)
        self.asked = 0

    def encode(self, sentences: Sequence[str], *, progress: Progress = silent) -> Floats:
        self.asked += len(sentences)
        read = self.tokens(sentences)
        return unit(np.stack([self._alone[one[0]] if len(one) == 1 else self._means[one].sum(axis=0) for one in read]))

    def tokens(self, sentences: Sequence[str]) -> list[Ints]:
        return [np.array([WORDS.index(word) for word in one.split()], np.int64) for one in sentences]


def sentences(count: int, seed: int) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, size=random.integers(3, 8))) for _ in range(count)]


def learnt(teacher: KnownTeacher, some: Sequence[str], dimensions: int = 6) -> Distilled:
    work = distilling(teacher, some, dimensions=dimensions)
    while True:
        try:
            next(work)
        except StopIteration as finished:
            assert isinstance(finished.value, Distilled)
            return finished.value


def test_what_was_never_seen_is_as_alike_as_the_teacher_says_in_a_quarter_of_the_dimensions() -> None:
    teacher = KnownTeacher()
    own, new = learnt(teacher, sentences(600, 1)), sentences(80, 9)
    theirs, ours = teacher.encode(new), own.encode(new)
    assert ours.shape == (80, own.dimensions) == (80, 6)
    assert np.linalg.norm(ours, axis=1) == pytest.approx(1, abs=1e-5)
    assert np.corrcoef((theirs @ theirs.T).ravel(), (ours @ ours.T).ravel())[0, 1] > 0.97


def test_a_sentence_that_comes_again_is_taught_once_and_a_word_that_never_comes_means_what_it_does_alone() -> None:
    teacher = KnownTeacher()
    some = [one for one in sentences(300, 1) if WORDS[0] not in one.split()]
    own = learnt(teacher, some * 3, dimensions=24)
    assert teacher.asked == len(set(some)) + len(WORDS)
    alone = teacher.encode(WORDS)
    ours = own.encode(WORDS)
    assert float(ours[0] @ ours[1]) == pytest.approx(float(ours[1] @ ours[0]))
    assert np.abs(own._tokens[0]).sum() > 0
    assert np.linalg.norm(own._tokens[0]) == pytest.approx(np.linalg.norm(alone[0]), rel=0.05)


def test_it_is_kept_without_its_teacher_and_named_after_it_and_what_it_learnt() -> None:
    teacher = KnownTeacher()
    own, other = learnt(teacher, sentences(100, 1)), learnt(teacher, sentences(100, 2))
    again = Distilled.from_bytes(own.to_bytes(), teacher)
    asked = sentences(5, 3)
    assert again.name == own.name != other.name
    assert again.encode(asked) == pytest.approx(own.encode(asked), abs=2e-3)
    assert Distilled.is_of(teacher, own.name)
    assert not Distilled.is_of(teacher, teacher.name)
    assert own.encode([]).shape == (0, 6)
