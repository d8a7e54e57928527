"""What queries mean, by the vectors of those that were asked lately: most of what is asked was asked before."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from models.arrays import Floats
from models.search.encoder import Encoder

REMEMBERED = 5_000
"""Queries whose vectors are kept: 8 MB."""


class Meanings:
    """The vectors of queries. An encoder's name says what it was made of, so that what is kept stays true."""

    def __init__(self, *, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._known: OrderedDict[tuple[str, str], Floats] = OrderedDict()

    async def of(self, encoder: Encoder, sentence: str) -> Floats:
        """The vector of a sentence, (dimensions,)."""
        asked = (encoder.name, sentence)
        if asked not in self._known:
            self._known[asked] = (await asyncio.to_thread(encoder.encode, [sentence]))[0]
            if len(self._known) > self._remembered:
                self._known.popitem(last=False)
        self._known.move_to_end(asked)
        return self._known[asked]
