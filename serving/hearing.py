"""What somebody said, by what a tenant's catalogue has."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from foundation.hearing import HearingAnswer, HearingRequest
from models.search.analysis import terms
from models.search.hearing import weighed
from models.search.lexical import query_vector
from serving.vocabulary import Known, Vocabularies


@dataclass(frozen=True, slots=True)
class Hearing:
    """Says which of the things that were heard was said."""

    vocabularies: Vocabularies

    async def answer(self, asked: HearingRequest) -> HearingAnswer:
        """The alternatives by their scores; by the recogniser's confidence alone for a tenant that has no index, or
        where it takes too long.
        """
        fits = [0.0] * len(asked.alternatives)
        known = self.vocabularies.of(asked.tenant_id)
        if known is not None:
            try:
                async with asyncio.timeout(asked.deadline_ms / 1000):
                    fits = await asyncio.to_thread(_fits, known, asked)
            except TimeoutError:
                pass
        return HearingAnswer(alternatives=weighed(asked.alternatives, fits))


def _fits(known: Known, asked: HearingRequest) -> list[float]:
    columns, language = known.held.columns, known.held.about.language
    said = [query_vector(dict.fromkeys(terms(one.transcript, language), 1.0)) for one in asked.alternatives]
    with known.held.lock:
        return [columns.postings.coverage(one, columns.alive) for one in said]
