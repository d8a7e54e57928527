"""A judged set with whatever scoring its queries needs, made once: the ways to search that are compared on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from models.arrays import Doubles, Floats
from models.search.blending import NOT_FOUND, Fusion, by_ranks
from models.search.dataset import JudgedSet
from models.search.encoder import Encoder
from models.search.lexical import Counts, InMemory
from models.search.spec import Parameters
from models.search.spelling import Speller, words_of
from models.search.understanding import Understood, understand


@dataclass(frozen=True)
class Laboratory:
    """Scores of a judged set's whole catalogue, for any query and parameters."""

    judged: JudgedSet
    encoder: Encoder
    meanings: Floats
    """The vectors of the products, row by row."""
    language: str = "en"
    _asked: dict[str, Floats] = field(default_factory=dict)

    @cached_property
    def words(self) -> InMemory:
        """The products' terms."""
        return InMemory([Counts.of(document, self.language) for document in self.judged.documents])

    @cached_property
    def speller(self) -> Speller:
        """Who knows the words of this catalogue."""
        return Speller(words_of(self.judged.documents, self.language), self.language)

    def read(self, query: str, *, corrected: bool) -> Understood:
        """A query as it is, or as it was probably meant."""
        return understand(query, self.speller if corrected else None, self.language)

    def by_words(self, query: Understood, how: Parameters) -> Doubles:
        """BM25 alone; it finds what has at least one of the words."""
        scores = self.words.scores(query.terms, how.words)
        return np.where(scores > 0, scores, NOT_FOUND)

    def by_meaning(self, query: Understood) -> Doubles:
        """The cosine of the sentences alone."""
        scores: Doubles = (self.meanings @ self.question(query.sentence)).astype(float)
        return scores

    def by_both(self, query: Understood, how: Parameters, fusion: Fusion = by_ranks) -> Doubles:
        """Words and meaning together."""
        return fusion(self.by_words(query, how), self.by_meaning(query), how.meaning)

    def question(self, sentence: str) -> Floats:
        """The vector of what is asked."""
        known = self._asked.get(sentence)
        if known is None:
            known = self._asked[sentence] = self.encoder.encode([sentence])[0]
        return known
