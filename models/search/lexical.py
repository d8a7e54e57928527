"""BM25 over the fields of a product, as sparse vectors.

BM25F (Robertson, Zaragoza and Taylor, CIKM 2004): a term's occurrences are weighted by the field they are in and by
how long that field usually is, then saturate together. What depends on the product goes into its vector; the inverse
document frequency is multiplied in when it is asked: by Qdrant (`modifier: idf`) over the tenant's own collection, or
by `InMemory` over its own rows. So no statistic ever crosses from one tenant to another.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from models.arrays import Doubles, Sparse
from models.search.analysis import terms
from models.search.documents import Document, Field

USUAL_WEIGHTS: Mapping[Field, float] = {
    Field.TITLE: 5.0,
    Field.BRAND: 2.0,
    Field.CATEGORY: 2.0,
    Field.ATTRIBUTES: 0.5,
    Field.DESCRIPTION: 1.0,
    Field.IDENTIFIERS: 1.0,
}


@dataclass(frozen=True, slots=True)
class Bm25:
    """How terms count."""

    k1: float = 0.8
    """How soon more of the same term adds nothing."""
    b: float = 0.75
    """How much a field longer than usual makes its terms count less: 0 not at all, 1 in proportion."""
    weights: Mapping[Field, float] = field(default_factory=lambda: dict(USUAL_WEIGHTS))


class SparseVector(NamedTuple):
    """Term numbers, ascending, and their weights."""

    indices: list[int]
    values: list[float]


@dataclass(frozen=True, slots=True)
class Counts:
    """The terms of each field of a product."""

    fields: Mapping[Field, Mapping[str, int]]

    @classmethod
    def of(cls, document: Document, language: str) -> Counts:
        """Read a product."""
        return cls({name: Counter(terms(text, language)) for name, text in document.texts().items() if text})

    def length(self, name: Field) -> int:
        """How many terms a field has."""
        return sum(self.fields.get(name, {}).values())


@dataclass(frozen=True, slots=True)
class Statistics:
    """What is usual in one tenant's catalogue: how many terms each field has, where there is any."""

    lengths: Mapping[Field, float]

    @classmethod
    def of(cls, counts: Iterable[Counts]) -> Statistics:
        """Count a whole catalogue."""
        total: Counter[Field] = Counter()
        having: Counter[Field] = Counter()
        for one in counts:
            for name in one.fields:
                total[name] += one.length(name)
                having[name] += 1
        return cls({name: total[name] / having[name] for name in total if total[name]})


def document_vector(counts: Counts, statistics: Statistics, how: Bm25) -> SparseVector:
    """What a product's terms weigh, but for the inverse document frequency."""
    weighted: dict[str, float] = {}
    for name, found in counts.fields.items():
        weight = how.weights.get(name, 0.0)
        usual = statistics.lengths.get(name, 0.0)
        if not weight or not usual:
            continue
        norm = 1 - how.b + how.b * counts.length(name) / usual
        for term, times in found.items():
            weighted[term] = weighted.get(term, 0.0) + weight * times / norm
    return _vector({term: many * (how.k1 + 1) / (many + how.k1) for term, many in weighted.items()})


def query_vector(weights: Mapping[str, float]) -> SparseVector:
    """Terms asked for, and how much each matters (1, as a rule)."""
    return _vector(weights)


def term_number(term: str) -> int:
    """A term as the index of a sparse vector: its CRC-32.

    Of 100,000 terms one pair is expected to share a number, and then each is found by the other's word as well.
    """
    return zlib.crc32(term.encode())


def _vector(weights: Mapping[str, float]) -> SparseVector:
    by_number: dict[int, float] = {}
    for term, weight in weights.items():
        number = term_number(term)
        by_number[number] = by_number.get(number, 0.0) + weight
    indices = sorted(by_number)
    return SparseVector(indices, [by_number[one] for one in indices])


class InMemory:
    """The terms of a catalogue, field by field: for choosing parameters, and what an index must agree with."""

    def __init__(self, counts: Sequence[Counts]) -> None:
        self._products = len(counts)
        self._statistics = Statistics.of(counts)
        found = (term for one in counts for terms_ in one.fields.values() for term in terms_)
        self._numbers = {term: number for number, term in enumerate(dict.fromkeys(found))}
        self._occurrences = {name: self._matrix(counts, name) for name in Field}
        self._lengths = {name: np.array([one.length(name) for one in counts], float) for name in Field}

    def scores(self, query: Mapping[str, float], how: Bm25) -> Doubles:
        """The score of each product for terms and how much each matters."""
        total = np.zeros(self._products)
        for term, weight in query.items():
            number = self._numbers.get(term)
            if number is not None:
                total += weight * self._of_term(number, how)
        return total

    def _of_term(self, number: int, how: Bm25) -> Doubles:
        many = np.zeros(self._products)
        for name, matrix in self._occurrences.items():
            usual = self._statistics.lengths.get(name)
            if usual is None or not how.weights.get(name):
                continue
            row = slice(matrix.indptr[number], matrix.indptr[number + 1])
            products = matrix.indices[row]
            norm = 1 - how.b + how.b * self._lengths[name][products] / usual
            many[products] += how.weights[name] * matrix.data[row] / norm
        having = np.count_nonzero(many)
        rarity = np.log(1 + (self._products - having + 0.5) / (having + 0.5))
        scores: Doubles = rarity * many * (how.k1 + 1) / (many + how.k1)
        return scores

    def _matrix(self, counts: Sequence[Counts], name: Field) -> Sparse:
        """Terms by products, and how often each is there."""
        found = [
            (self._numbers[term], product, times)
            for product, one in enumerate(counts)
            for term, times in one.fields.get(name, {}).items()
        ]
        rows, columns, times = (np.array(part) for part in zip(*found, strict=True)) if found else ([], [], [])
        return csr_array((times, (rows, columns)), shape=(len(self._numbers), self._products), dtype=float)
