"""An encoder distilled from another, whose words are known to mean what they do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from foundation.progress import Progress, silent
from models.arrays import Floats, Ints
from models.search.distilled import Distilled, distil
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


def test_what_was_never_seen_is_sketched_about_as_the_teacher_encodes_it_in_a_quarter_of_the_dimensions() -> None:
    teacher = KnownTeacher()
    own, new, asked = distil(teacher, sentences(600, 1), dimensions=6).encoder, sentences(80, 9), sentences(20, 5)
    theirs = teacher.encode(new) @ teacher.encode(asked).T
    ours = own.sketch(new) @ own.encode(asked).T
    assert own.sketch(new).shape == (80, own.dimensions) == (80, 6)
    assert own.encode(new) @ own.encode(asked).T == pytest.approx(theirs, abs=0.01)
    assert np.corrcoef(theirs.ravel(), ours.ravel())[0, 1] > 0.97


def test_a_sentence_that_comes_again_is_taught_once_and_a_word_that_never_comes_means_what_it_does_alone() -> None:
    teacher = KnownTeacher()
    some = [one for one in sentences(300, 1) if WORDS[0] not in one.split()]
    found = distil(teacher, some * 3, dimensions=24)
    assert teacher.asked == len(set(some)) + len(WORDS)
    assert found.encoded.keys() == set(some)
    own = found.encoder
    assert np.stack([found.encoded[one] for one in some]) == pytest.approx(own.encode(some), abs=1e-5)
    assert own.sketch([WORDS[0]]) == pytest.approx(own.encode([WORDS[0]]), abs=1e-4)


def test_it_is_kept_without_its_teacher_and_named_after_it_and_what_it_learnt() -> None:
    teacher = KnownTeacher()
    own, other = (distil(teacher, sentences(100, seed), dimensions=6).encoder for seed in (1, 2))
    again = Distilled.from_bytes(own.to_bytes(), teacher)
    asked = sentences(5, 3)
    assert again.name == own.name != other.name
    assert again.encode(asked) == pytest.approx(own.encode(asked))
    assert again.sketch(asked) == pytest.approx(own.sketch(asked), abs=2e-3)
    assert Distilled.is_of(teacher, own.name)
    assert not Distilled.is_of(teacher, teacher.name)
    assert own.sketch([]).shape == (0, 6)
