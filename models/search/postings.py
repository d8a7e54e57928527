"""Which products have which terms, and what the terms weigh, in memory: BM25F over every product of a tenant.

Products are numbered; a number is called a row. The weights are those of `lexical.document_vector`, and the inverse
document frequency is multiplied in when it is asked, as Qdrant does (`modifier: idf`).
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.arrays import Flags, Floats, Ints
from models.search.analysis import tokens
from models.search.documents import Document, Field
from models.search.lexical import Bm25, SparseVector, Statistics, term_number
from models.search.synonyms import WEIGHT, Instead, Phrase

_FIELDS = tuple(Field)
_IDENTIFIER = "="
"""How the term of a SKU or GTIN begins: no word does, so none is taken for one."""

_FEW = 8
"""One in so many rows or fewer are put together: sorting them costs less than a sum for each row there is."""

Numbers = NDArray[np.uint32]
Rows = NDArray[np.int32]
Weights = NDArray[np.float16]


class Matches(NamedTuple):
    """The products that have enough of a query, by rows ascending, and the score of each."""

    rows: Ints
    scores: Floats


class Catalogue(NamedTuple):
    """A whole catalogue, read."""

    postings: Postings
    statistics: Statistics
    words: Mapping[str, int]
    """How many products have each word."""


@dataclass(slots=True)
class _Late:
    """What came to a term after the bulk was built."""

    rows: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums by product: a place for every row, or where few have any of the terms for those alone."""

    rows: Ints | None
    """The rows of the places, ascending; `None` where each row is its own place."""
    scores: Floats
    held: Floats
    """How much of what is asked a product has."""

    @classmethod
    def over(cls, having: Sequence[Rows], size: int) -> _Sums:
        """For the rows of all terms together, out of so many rows."""
        rows = None
        if sum(map(len, having)) < size // _FEW:
            # Ascending lists: merged, where `np.unique` would hash each row.
            together = np.sort(np.concatenate([np.zeros(0, np.int64), *having]), kind="stable")
            rows = together[np.diff(together, prepend=-1) != 0]
        places = size if rows is None else len(rows)
        return cls(rows, np.zeros(places, np.float32), np.zeros(places, np.float32))

    def at(self, rows: Ints | Rows) -> Ints | Rows:
        """The places of rows, each of which has one of the terms."""
        return rows if self.rows is None else np.searchsorted(self.rows, rows)

    def rows_of(self, places: Ints) -> Ints:
        """The rows of places."""
        return places if self.rows is None else self.rows[places]


@dataclass(slots=True)
class Postings:
    """An inverted index. Not safe for threads: whoever shares one holds a lock."""

    terms: Numbers
    """Ascending."""
    starts: Ints
    """Where the postings of each term begin, and at the end how many there are."""
    rows: Rows
    weights: Weights
    _late: dict[int, _Late] = field(default_factory=dict)

    @classmethod
    def of(cls, terms: Numbers, rows: Rows, weights: Weights) -> Postings:
        """Put postings that are in any order into theirs."""
        order = _order(terms, rows)
        found, starts = np.unique(terms[order], return_index=True)
        return cls(found, np.append(starts, len(rows)).astype(np.int64), rows[order], weights[order])

    def add(self, row: int, vector: SparseVector) -> None:
        """Have a new row found by its terms."""
        for term, weight in zip(vector.indices, vector.values, strict=True):
            late = self._late.setdefault(term, _Late())
            late.rows.append(row)
            late.weights.append(weight)

    def matching(self, query: SparseVector, alive: Flags, *, share: float, instead: Sequence[Instead] = ()) -> Matches:
        """The products that have the given share of what a query asks for, terms counted by how rare they are.

        A term that no product has is not asked for.

        Args:
            query: terms, and how much each matters.
            alive: which rows are products that can be found.
            share: from 0 (any of the terms) to 1 (all of them).
            instead: what will do in the place of terms of the query; with it a product has what it stands for.
        """
        products = int(np.count_nonzero(alive))
        found = self._found(query, instead)
        sums = _Sums.over([rows for rows, _ in found.values()], len(alive))
        asked = 0.0
        for term, matters in zip(query.indices, query.values, strict=True):
            rows, weights = found[term]
            if not len(rows):
                continue
            rarity = matters * _rarity(products, len(rows))
            asked += rarity
            at = sums.at(rows)
            sums.scores[at] += rarity * weights.astype(np.float32)
            sums.held[at] += rarity
        asked += _replace(found, instead, products, sums)
        # Sums of floats differ in their last digits by their order.
        enough = np.flatnonzero((sums.held > 0) & (sums.held >= share * asked * (1 - 1e-4)))
        having = sums.rows_of(enough)
        kept = alive[having]
        return Matches(having[kept], sums.scores[enough][kept])

    def coverage(self, query: SparseVector, alive: Flags) -> float:
        """The largest share of a query that one product has, from 0 to 1, terms counted by how rare they are.

        A term that no product has is the rarest.
        """
        products = int(np.count_nonzero(alive))
        held, asked = np.zeros(len(alive), np.float32), 0.0
        for term in query.indices:
            rows, _ = self._of(term)
            rarity = _rarity(products, len(rows))
            asked += rarity
            held[rows] += rarity
        return float(np.max(held, initial=0.0, where=alive) / asked) if asked else 0.0

    def identified(self, identifier: str) -> Ints:
        """The rows of the products with a SKU or GTIN, as `documents.identifier` writes it."""
        return np.unique(self._of(identifier_term(identifier))[0]).astype(np.int64)

    def renumbered(self, row_of: Rows) -> Postings:
        """The same with other rows: `row_of` has the new one of each, or -1 for a product that is gone."""
        terms = [np.repeat(self.terms, np.diff(self.starts))]
        rows, weights = [self.rows], [self.weights]
        for term, late in self._late.items():
            terms.append(np.full(len(late.rows), term, np.uint32))
            rows.append(np.array(late.rows, np.int32))
            weights.append(np.array(late.weights, np.float16))
        renumbered = row_of[np.concatenate(rows)]
        kept = renumbered >= 0
        return self.of(np.concatenate(terms)[kept], renumbered[kept], np.concatenate(weights)[kept])

    def _found(self, query: SparseVector, instead: Sequence[Instead]) -> dict[int, tuple[Rows, Weights]]:
        """The rows and weights of each term asked for, and of those that will do."""
        others = (term_number(term) for asked, by in instead for term in (*asked, *by))
        return {term: self._of(term) for term in (*query.indices, *others)}

    def _of(self, term: int) -> tuple[Rows, Weights]:
        at = int(np.searchsorted(self.terms, np.uint32(term)))
        there = at < len(self.terms) and int(self.terms[at]) == term
        bulk = slice(self.starts[at], self.starts[at + 1]) if there else slice(0)
        late = self._late.get(term)
        if late is None:
            return self.rows[bulk], self.weights[bulk]
        return (
            np.concatenate([self.rows[bulk], np.array(late.rows, np.int32)]),
            np.concatenate([self.weights[bulk], np.array(late.weights, np.float16)]),
        )


def _replace(
    postings: Mapping[int, tuple[Rows, Weights]], instead: Sequence[Instead], products: int, sums: _Sums
) -> float:
    """Count what will do in the place of something as that.

    Gives how much is asked for by what no product has, and something that will do for it is there.
    """
    unheard: dict[Phrase, float] = {}
    for asked, by in instead:
        own = {term: postings[term_number(term)][0] for term in asked}
        found = [postings[term_number(term)] for term in by]
        rows = reduce(np.intersect1d, (rows for rows, _ in found))
        if not len(rows):
            continue
        needed = sum(_rarity(products, len(having)) for having in own.values() if len(having))
        if not needed:
            needed = sum(_rarity(products, len(having)) for having, _ in found)
            unheard[asked] = min(unheard.get(asked, needed), needed)
        at, has = sums.at(rows), np.zeros(len(sums.held), np.float32)
        for having in own.values():
            has[sums.at(having)] += _rarity(products, len(having))
        sums.held[at] += np.maximum(needed - has[at], 0.0)
        for having, weights in found:
            many = np.zeros(len(sums.held), np.float32)
            many[sums.at(having)] = weights
            sums.scores[at] += WEIGHT * _rarity(products, len(having)) * many[at]
    return sum(unheard.values())


class Reader:
    """Reads a catalogue product by product, and weighs its terms when all is read and it is known what is usual."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._rows, self._fields, self._terms, self._times = array("i"), array("B"), array("I"), array("f")
        self._lengths = array("f")
        self._identifier_rows, self._identifiers = array("i"), array("I")
        self._numbers: dict[str, int] = {}
        self._words: Counter[str] = Counter()

    def read(self, document: Document) -> None:
        """The next product; its row is how many came before it."""
        row = len(self._lengths) // len(_FIELDS)
        texts, words = document.texts(), set[str]()
        for number, name in enumerate(_FIELDS):
            found = tokens(texts[name], self._language) if texts[name] else ()
            words.update(each.surface for each in found if each.is_word)
            times = Counter(self._number(each.term) for each in found)
            self._lengths.append(len(found))
            self._rows.extend([row] * len(times))
            self._fields.extend([number] * len(times))
            self._terms.extend(times.keys())
            self._times.extend(times.values())
        self._words.update(words)
        for one in identifier_terms(document):
            self._identifier_rows.append(row)
            self._identifiers.append(one)

    def finished(self, how: Bm25) -> Catalogue:
        """What was read, as an index."""
        lengths = np.frombuffer(self._lengths, np.float32).reshape(-1, len(_FIELDS))
        statistics = _statistics(lengths)
        usual = np.array([statistics.lengths.get(name, math.inf) for name in _FIELDS], np.float32)
        weight_of = np.array([how.weights.get(name, 0.0) for name in _FIELDS], np.float32)
        rows, fields = np.frombuffer(self._rows, np.int32), np.frombuffer(self._fields, np.uint8)
        norm = 1 - how.b + how.b * lengths[rows, fields] / usual[fields]
        many = weight_of[fields] * np.frombuffer(self._times, np.float32) / norm
        terms, rows, many = _summed(np.frombuffer(self._terms, np.uint32), rows, many)
        saturated = (many * (how.k1 + 1) / (many + how.k1)).astype(np.float16)
        identifiers, their_rows = (
            np.frombuffer(self._identifiers, np.uint32),
            np.frombuffer(self._identifier_rows, np.int32),
        )
        postings = Postings.of(
            np.concatenate([terms, identifiers]),
            np.concatenate([rows, their_rows]),
            np.concatenate([saturated, np.zeros(len(identifiers), np.float16)]),
        )
        return Catalogue(postings, statistics, self._words)

    def _number(self, term: str) -> int:
        number = self._numbers.get(term)
        if number is None:
            number = self._numbers[term] = term_number(term)
        return number


def _rarity(products: int, having: int) -> float:
    """The inverse document frequency of a term that so many products have."""
    return math.log(1 + (max(products - having, 0) + 0.5) / (having + 0.5))


def identifier_term(identifier: str) -> int:
    """The term that the products with a SKU or GTIN have."""
    return term_number(_IDENTIFIER + identifier)


def identifier_terms(document: Document) -> list[int]:
    """The terms of a product's SKUs and GTINs."""
    return sorted({identifier_term(one) for one in document.identifiers})


def with_identifiers(vector: SparseVector, document: Document) -> SparseVector:
    """A product's vector with the terms of its SKUs and GTINs, which weigh nothing."""
    numbers = identifier_terms(document)
    return SparseVector([*vector.indices, *numbers], [*vector.values, *([0.0] * len(numbers))])


def _statistics(lengths: Floats) -> Statistics:
    having = (lengths > 0).sum(axis=0)
    totals = lengths.sum(axis=0, dtype=np.float64)
    usual = {name: float(totals[at] / having[at]) for at, name in enumerate(_FIELDS) if having[at]}
    return Statistics(usual)


def _summed(terms: Numbers, rows: Rows, many: Floats) -> tuple[Numbers, Rows, Floats]:
    """One entry for each term of each product, whatever fields it is in."""
    if not len(terms):
        return terms, rows, many
    order = _order(terms, rows)
    terms, rows, many = terms[order], rows[order], many[order]
    first = np.flatnonzero(np.append(True, (np.diff(terms) != 0) | (np.diff(rows) != 0)))
    return terms[first], rows[first], np.add.reduceat(many, first)


def _order(terms: Numbers, rows: Rows) -> Ints:
    """By term, then by row: as one number each, which is sorted ten times as fast as two."""
    return np.argsort(terms.astype(np.uint64) << np.uint64(32) | rows.astype(np.uint64))
