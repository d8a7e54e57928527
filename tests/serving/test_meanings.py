"""The vectors of queries that were asked lately."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from foundation.progress import Progress, silent
from models.arrays import Floats
from serving.meanings import Meanings


class Lengths:
    """Says how long a sentence is, and remembers what it was asked."""

    dimensions, at_once = 1, 8

    def __init__(self, name: str) -> None:
        self.name = name
        self.asked: list[str] = []

    def encode(self, sentences: Sequence[str], *, progress: Progress = silent) -> Floats:
        self.asked += sentences
        return np.array([[len(one)] for one in sentences], dtype=np.float32)


async def test_a_query_is_encoded_once_until_it_was_not_asked_for_long() -> None:
    encoder, meanings = Lengths("lengths"), Meanings(remembered=2)

    for query in ("milk", "oats", "milk", "bread", "milk", "oats"):
        assert await meanings.of(encoder, query) == [len(query)]

    assert encoder.asked == ["milk", "oats", "bread", "oats"]


async def test_each_encoder_has_its_own() -> None:
    one, other, meanings = Lengths("one"), Lengths("other"), Meanings()

    await meanings.of(one, "milk")
    await meanings.of(other, "milk")

    assert other.asked == ["milk"]
