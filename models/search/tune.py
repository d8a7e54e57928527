"""Choosing parameters on judged queries, and measuring them on others.

`tune` chooses one parameter after another, by the mean of both NDCG@10. `folds` parts the queries, so that none is
graded by parameters that it helped to choose.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from models.arrays import Doubles
from models.search.blending import Fusion, by_ranks
from models.search.documents import Field
from models.search.evaluate import grade
from models.search.laboratory import Laboratory
from models.search.lexical import USUAL_WEIGHTS, Bm25
from models.search.spec import Metric, Parameters

FOLDS = 5
SEED = 5
OBJECTIVE = (Metric.RATED_NDCG, Metric.NDCG)
START = Parameters(Bm25(k1=1.2, b=0.75, weights={**USUAL_WEIGHTS, Field.TITLE: 3.0}))
"""Textbook values, from which no set is better known than another."""
SATURATIONS = (0.4, 0.8, 1.2)
WEIGHTS: Mapping[Field, Sequence[float]] = {Field.TITLE: (3.0, 5.0), Field.DESCRIPTION: (1.0, 2.0)}
MEANING = (0.3, 0.4, 0.5, 0.6, 0.7)
"""Few of each: some dozens of judged queries can't tell more apart."""

Search = Callable[[str], Doubles]
Alternatives = Callable[[Parameters], Sequence[Parameters]]


class Exam:
    """What each query's answer reaches by which parameters; folds share most of their steps, so it is remembered."""

    def __init__(self, laboratory: Laboratory) -> None:
        self._laboratory = laboratory
        self._read = {query: laboratory.read(query, corrected=False) for query in laboratory.judged.judgements}
        self._reached: dict[tuple[str, str, str], float] = {}

    def by_words(self, how: Parameters, queries: Sequence[str]) -> float:
        """The objective of the words alone, summed over queries."""
        return self._sum("words", how, queries, lambda query: self._laboratory.by_words(self._read[query], how))

    def by_both(self, how: Parameters, queries: Sequence[str], fusion: Fusion) -> float:
        """The objective of words and meaning, summed over queries."""
        both = self._laboratory.by_both
        return self._sum(fusion.__name__, how, queries, lambda query: both(self._read[query], how, fusion))

    def _sum(self, way: str, how: Parameters, queries: Sequence[str], search: Search) -> float:
        by = repr(how)
        new = [query for query in queries if (way, by, query) not in self._reached]
        if new:
            report = grade(self._laboratory.judged, search, new)
            for query, reached in zip(
                new, np.sum([report.by_query[metric] for metric in OBJECTIVE], axis=0), strict=True
            ):
                self._reached[way, by, query] = float(reached)
        return sum(self._reached[way, by, query] for query in queries)


def tune(exam: Exam, queries: Sequence[str], *, start: Parameters = START, fusion: Fusion = by_ranks) -> Parameters:
    """The parameters that answer these queries best: those of the words by words alone, then the meaning's share."""
    chosen = start
    for alternatives in _of_words():
        chosen = max(alternatives(chosen), key=lambda how: exam.by_words(how, queries))
    shares = [replace(chosen, meaning=share) for share in MEANING]
    return max(shares, key=lambda how: exam.by_both(how, queries, fusion))


def folds(queries: Sequence[str], *, seed: int = SEED) -> Iterator[tuple[list[str], list[str]]]:
    """The queries to choose on and those to grade, `FOLDS` times; each is graded once."""
    shuffled = sorted(queries)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - folds, not secrets
    for fold in range(FOLDS):
        graded = shuffled[fold::FOLDS]
        if graded:
            yield [query for query in shuffled if query not in set(graded)], graded


def _of_words() -> Iterator[Alternatives]:
    yield lambda how: [replace(how, words=replace(how.words, k1=k1)) for k1 in SATURATIONS]
    for name in WEIGHTS:
        yield _each_weight(name)


def _each_weight(name: Field) -> Alternatives:
    return lambda how: [_weighing(how, name, weight) for weight in WEIGHTS[name]]


def _weighing(how: Parameters, name: Field, weight: float) -> Parameters:
    return replace(how, words=replace(how.words, weights={**how.words.weights, name: weight}))
