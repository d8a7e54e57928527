"""A large catalogue's encoder: the sentence encoder in fewer dimensions, and a sketch of what it would say.

A **sketch** costs microseconds where the sentence encoder takes milliseconds: a vector a token, and a sentence's is
their mean. What the sentence encoder makes of a sample of the catalogue is regressed onto the tokens of each sentence
(ridge regression, by conjugate gradients). A vector a token, distilled out of a sentence encoder, is Model2Vec's idea
(Tulkens and van Dongen, 2024); here the catalogue's sentences teach it, and not the vocabulary alone. Both kinds of
vectors are in one space, the catalogue's own principal components, so that a query that was encoded finds products that
were sketched.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import sparse

from foundation.progress import Progress, silent
from models.arrays import Floats, Ints, Sparse
from models.search.encoder import Teacher
from models.search.shortening import principal, unit

SAMPLE = 20_000
"""How many products a catalogue's encoder is distilled from."""
DIMENSIONS = 128
RIDGE = 0.01
"""How much a token's vector costs that is not the one that the sentence encoder gives the token alone."""
ROUNDS = 25
SKETCHED_AT_ONCE = 500
_SLICE = 32
_MARK = "-distilled-"


@dataclass(frozen=True, slots=True)
class Distilled:
    """The sentence encoder in fewer dimensions, and its sketches."""

    name: str
    _teacher: Teacher
    _turn: Floats
    """Onto the dimensions that are kept."""
    _tokens: Floats
    """A row a token of the teacher's vocabulary."""

    @property
    def dimensions(self) -> int:
        """How long its vectors are."""
        return int(self._turn.shape[1])

    @property
    def at_once(self) -> int:
        """How many sentences are encoded without looking at anything else."""
        return self._teacher.at_once

    def encode(self, sentences: Sequence[str], *, progress: Progress = silent) -> Floats:
        """A row of length 1 a sentence; their product is nearly the cosine that the sentence encoder gives."""
        return unit(self._teacher.encode(sentences, progress=progress) @ self._turn)

    def sketch(self, sentences: Sequence[str]) -> Floats:
        """About what `encode` would give, many times sooner."""
        vectors = np.zeros((len(sentences), self.dimensions), np.float32)
        for first in range(0, len(sentences), SKETCHED_AT_ONCE):
            batch = sentences[first : first + SKETCHED_AT_ONCE]
            vectors[first : first + len(batch)] = unit(_shares(self._teacher, batch) @ self._tokens)
        return vectors

    def to_bytes(self) -> bytes:
        """As it is kept: all but the teacher."""
        file = io.BytesIO()
        np.savez(file, name=np.array(self.name), turn=self._turn, tokens=self._tokens.astype(np.float16))
        return file.getvalue()

    @classmethod
    def from_bytes(cls, body: bytes, teacher: Teacher) -> Distilled:
        """As it was kept, with the teacher it had."""
        with np.load(io.BytesIO(body), allow_pickle=False) as kept:
            return cls(str(kept["name"]), teacher, kept["turn"], kept["tokens"].astype(np.float32))

    @staticmethod
    def is_of(teacher: Teacher, name: str) -> bool:
        """Whether that is the name of an encoder that this one taught."""
        return name.startswith(teacher.name + _MARK)


class Learnt(NamedTuple):
    """What came of a sample."""

    encoder: Distilled
    encoded: Mapping[str, Floats]
    """The vectors of the sample's sentences: they need no sketch any more."""


def distilling(
    teacher: Teacher, sentences: Sequence[str], *, dimensions: int = DIMENSIONS
) -> Generator[None, None, Learnt]:
    """Distil an encoder from what the teacher makes of these sentences; between its pieces, other work can be done."""
    taught = sorted(set(sentences), key=len)
    encoded = yield from _encoded(teacher, taught)
    alone = yield from _encoded(teacher, teacher.vocabulary)
    turn = principal(encoded, min(dimensions, teacher.dimensions))
    wanted: Floats = encoded @ turn
    tokens = yield from _regressed(_shares(teacher, taught), wanted, alone @ turn)
    digest = hashlib.blake2b(tokens.astype(np.float16).tobytes(), digest_size=6).hexdigest()
    own = Distilled(f"{teacher.name}{_MARK}{digest}", teacher, turn, tokens)
    return Learnt(own, dict(zip(taught, unit(wanted), strict=True)))


def distil(teacher: Teacher, sentences: Sequence[str], *, dimensions: int = DIMENSIONS) -> Learnt:
    """All of `distilling` at one go."""
    work = distilling(teacher, sentences, dimensions=dimensions)
    while True:
        try:
            next(work)
        except StopIteration as finished:
            learnt: Learnt = finished.value
            return learnt


def _encoded(teacher: Teacher, sentences: Sequence[str]) -> Generator[None, None, Floats]:
    vectors = np.zeros((len(sentences), teacher.dimensions), np.float32)
    for first in range(0, len(sentences), _SLICE):
        batch = sentences[first : first + _SLICE]
        vectors[first : first + len(batch)] = teacher.encode(batch)
        yield
    return vectors


def _regressed(shares: Sparse, wanted: Floats, alone: Floats) -> Generator[None, None, Floats]:
    """The tokens' vectors whose means come nearest to what is wanted, without going far from those of tokens alone.

    Conjugate gradients on the normal equations, each dimension for itself.
    """
    moved = np.zeros_like(alone)
    left = shares.T @ (wanted - shares @ alone)
    way, size = left.copy(), (left * left).sum(axis=0)
    for _ in range(ROUNDS):
        ahead = shares.T @ (shares @ way) + RIDGE * way
        step = size / np.maximum((way * ahead).sum(axis=0), 1e-20)
        moved += step * way
        left -= step * ahead
        before, size = size, (left * left).sum(axis=0)
        way = left + (size / np.maximum(before, 1e-20)) * way
        yield
    result: Floats = (alone + moved).astype(np.float32)
    return result


def _shares(teacher: Teacher, sentences: Sequence[str]) -> Sparse:
    """A row a sentence: the share that each token of the vocabulary has in it."""
    ids: list[Ints] = teacher.tokens(sentences)
    lengths = np.array([len(one) for one in ids])
    rows, columns = np.repeat(np.arange(len(ids)), lengths), np.concatenate(ids)
    values = np.repeat(1 / np.maximum(lengths, 1), lengths).astype(np.float32)
    return sparse.csr_array((values, (rows, columns)), shape=(len(ids), len(teacher.vocabulary)))
