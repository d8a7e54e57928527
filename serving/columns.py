"""A tenant's products in memory, column by column: what a worker finds, counts and sorts by.

Products are rows, numbered as in `models.search.postings`. A row is never given to another product: one whose words
changed gets a new row, and its old one is dead until the columns are packed.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

import numpy as np
import orjson
from numpy.typing import NDArray

from foundation.search import CATEGORY, COLLECTION
from models.arrays import Doubles, Flags, Ints
from models.search.lexical import SparseVector
from models.search.postings import Postings
from serving.facts import Facts
from serving.tallies import Scope, Tallies

NONE = 0
"""The code of no value; the first value has 1."""
_ROOM = 1.25
"""How much more than is needed is taken, when rows are added."""
_HALF = 2**64 - 1
_COMPARED = 2
"""Values that are compared one by one, which is faster for the first few than looking each product's up."""
_Kind = TypeVar("_Kind", bound=np.generic)

Codes = NDArray[np.int32]
Halves = NDArray[np.uint64]


@dataclass(slots=True)
class Values:
    """The values of a facet: each product has some, and each value has a code."""

    values: list[str] = field(default_factory=list)
    """The value of code 1, of code 2, and so on."""
    codes: Codes = field(default_factory=lambda: np.zeros((1, 0), np.int32))
    """A column a product, as high as the product with the most values; the rest of a column is `NONE`."""
    _code_of: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._code_of = {value: code for code, value in enumerate(self.values, start=1)}

    def code(self, value: str) -> int | None:
        """The code of a value; `None` when no product ever had it."""
        return self._code_of.get(value)

    def put(self, row: int, values: Sequence[str]) -> None:
        """Give a product its values, in place of those it had."""
        height, room = self.codes.shape
        if row >= room or len(values) > height:
            larger = np.zeros((max(height, len(values)), _room(row + 1, room)), np.int32)
            larger[:height, :room] = self.codes
            self.codes = larger
        self.codes[:, row] = NONE
        self.codes[: len(values), row] = [self._coded(value) for value in values]

    def of(self, rows: Ints | slice) -> Codes:
        """The codes of products, as high as the product with the most values."""
        return self.codes[:, rows]

    def codes_of(self, row: int) -> list[int]:
        """The codes of one product's values."""
        return [code for code in self.codes[:, row].tolist() if code != NONE]

    def fits(self, rows: Ints | slice, values: Iterable[str]) -> Flags:
        """Which products have one of the values."""
        known = [code for value in values if (code := self.code(value)) is not None]
        fits = np.zeros(self.codes[0, rows].shape, np.bool_)
        for code in known[:_COMPARED]:
            for codes in self.codes:
                fits |= codes[rows] == code
        if len(known) > _COMPARED:
            wanted = np.zeros(len(self.values) + 1, np.bool_)
            wanted[known[_COMPARED:]] = True
            for codes in self.codes:
                fits |= wanted[codes[rows]]
        return fits

    def counts(self, rows: Ints | slice) -> Ints:
        """How many of the products have each value, by its code."""
        many = len(self.values) + 1
        counts = np.zeros(many, np.int64)
        for codes in self.codes:
            counts += np.bincount(codes[rows], minlength=many)
        return counts

    def widened(self, rows: int) -> None:
        """Have room for so many products."""
        height, room = self.codes.shape
        if rows > room:
            self.codes = np.hstack([self.codes, np.zeros((height, _room(rows, room) - room), np.int32)])

    def _coded(self, value: str) -> int:
        code = self._code_of.get(value)
        if code is None:
            self.values.append(value)
            code = self._code_of[value] = len(self.values)
        return code


@dataclass(slots=True)
class Columns:
    """All products of a tenant. Not safe for threads: whoever shares them holds a lock."""

    postings: Postings
    size: int = 0
    """Rows there are, dead ones too."""
    high: Halves = field(default_factory=lambda: np.zeros(0, np.uint64))
    """The first half of each product's id."""
    low: Halves = field(default_factory=lambda: np.zeros(0, np.uint64))
    prices: Doubles = field(default_factory=lambda: np.zeros(0))
    published: Doubles = field(default_factory=lambda: np.zeros(0))
    sold: Doubles = field(default_factory=lambda: np.zeros(0))
    stars: Doubles = field(default_factory=lambda: np.zeros(0))
    ratings: Doubles = field(default_factory=lambda: np.zeros(0))
    facets: dict[str, Values] = field(default_factory=dict)
    tallies: Tallies = field(default_factory=Tallies)
    _alive: Flags = field(default_factory=lambda: np.zeros(0, np.bool_))
    _sorted: int = 0
    """Rows up to which ids ascend."""
    _late: dict[UUID, int] = field(default_factory=dict)
    """The rows of the others."""

    @classmethod
    def of(cls, products: Iterable[tuple[UUID, Facts]]) -> Columns:
        """A whole catalogue, as yet without its words."""
        columns = cls(Postings.of(np.zeros(0, np.uint32), np.zeros(0, np.int32), np.zeros(0, np.float16)))
        for product_id, facts in products:
            columns._append(product_id, facts)
        return columns

    def with_words(self, postings: Postings) -> Columns:
        """The same, packed, with the words of each product."""
        self.postings = postings
        return self.packed()

    @property
    def alive(self) -> Flags:
        """Which rows are products that can be found."""
        return self._alive[: self.size]

    def row_of(self, product_id: UUID) -> int | None:
        """The row of a product; `None` when it can't be found."""
        row = self._late.get(product_id)
        if row is None:
            row = self._sorted_row(product_id)
        return row if row is not None and self._alive[row] else None

    def rows_of(self, product_ids: Iterable[UUID]) -> dict[int, UUID]:
        """The rows of those products that can be found, in their order."""
        found = ((self.row_of(one), one) for one in product_ids)
        return {row: one for row, one in found if row is not None}

    def id_of(self, row: int) -> UUID:
        """The product of a row."""
        return UUID(int=int(self.high[row]) << 64 | int(self.low[row]))

    def facts(self, row: int) -> Facts:
        """What is kept of a product."""
        had = {name: [values.values[code - 1] for code in values.codes_of(row)] for name, values in self.facets.items()}
        return Facts(
            int(self.prices[row]),
            int(self.published[row]),
            int(self.sold[row]),
            {name: values for name, values in had.items() if values},
            float(self.stars[row]),
            float(self.ratings[row]),
        )

    def put(self, product_id: UUID, facts: Facts, vector: SparseVector) -> None:
        """A product with its words: a new one, or one whose words may have changed."""
        self.remove(product_id)
        row = self._append(product_id, facts)
        self._late[product_id] = row
        self.postings.add(row, vector)
        self.tallies.stir(self._tell(row, 1))

    def change(self, product_id: UUID, facts: Facts) -> None:
        """What is not a product's words; nothing when it can't be found."""
        row = self.row_of(product_id)
        if row is not None:
            before = self._tell(row, -1)
            for name in self.facets.keys() - facts.values.keys():
                self.facets[name].put(row, ())
            self._write(row, facts)
            self.tallies.stir(before ^ self._tell(row, 1))

    def remove(self, product_id: UUID) -> None:
        """Find a product no more."""
        row = self.row_of(product_id)
        if row is not None:
            self.tallies.stir(self._tell(row, -1))
            self._alive[row] = False

    def packed(self) -> Columns:
        """The same without dead rows, in the order of the ids."""
        alive = np.flatnonzero(self.alive)
        kept = alive[np.lexsort((self.low[alive], self.high[alive]))]
        row_of = np.full(self.size, -1, np.int32)
        row_of[kept] = np.arange(len(kept), dtype=np.int32)
        return Columns(
            postings=self.postings.renumbered(row_of),
            size=len(kept),
            high=self.high[kept],
            low=self.low[kept],
            prices=self.prices[kept],
            published=self.published[kept],
            sold=self.sold[kept],
            stars=self.stars[kept],
            ratings=self.ratings[kept],
            facets={name: Values(list(values.values), values.of(kept)) for name, values in self.facets.items()},
            _alive=np.ones(len(kept), np.bool_),
            _sorted=len(kept),
        )

    def to_bytes(self, told: Mapping[str, Any]) -> bytes:
        """Packed columns as a file, with what else is to be told of them."""
        names = list(self.facets)
        about = {**told, "facets": {name: self.facets[name].values for name in names}}
        arrays: dict[str, Any] = {
            "about": np.frombuffer(orjson.dumps(about), np.uint8),
            "high": self.high,
            "low": self.low,
            "prices": self.prices,
            "published": self.published,
            "sold": self.sold,
            "stars": self.stars,
            "ratings": self.ratings,
            "terms": self.postings.terms,
            "starts": self.postings.starts,
            "rows": self.postings.rows,
            "weights": self.postings.weights,
            **{f"codes{number}": self.facets[name].codes for number, name in enumerate(names)},
        }
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, **arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, file: bytes) -> tuple[Columns, dict[str, Any]]:
        """Columns out of a file, and what was told of them.

        Raises:
            ValueError: it is no such file.
            KeyError: a part of it is missing.
        """
        with np.load(io.BytesIO(file), allow_pickle=False) as arrays:
            about = orjson.loads(arrays["about"].tobytes())
            facets = {
                name: Values(values, arrays[f"codes{number}"])
                for number, (name, values) in enumerate(about.pop("facets").items())
            }
            size = len(arrays["high"])
            columns = cls(
                postings=Postings(arrays["terms"], arrays["starts"], arrays["rows"], arrays["weights"]),
                size=size,
                high=arrays["high"],
                low=arrays["low"],
                prices=arrays["prices"],
                published=arrays["published"],
                sold=arrays["sold"],
                stars=arrays["stars"],
                ratings=arrays["ratings"],
                facets=facets,
                _alive=np.ones(size, np.bool_),
                _sorted=size,
            )
        return columns, about

    def _append(self, product_id: UUID, facts: Facts) -> int:
        row = self.size
        self.size += 1
        self.high, self.low = _with_room(self.high, self.size), _with_room(self.low, self.size)
        self.prices, self.published = _with_room(self.prices, self.size), _with_room(self.published, self.size)
        self.stars, self.ratings = _with_room(self.stars, self.size), _with_room(self.ratings, self.size)
        self.sold, self._alive = _with_room(self.sold, self.size), _with_room(self._alive, self.size)
        self.high[row], self.low[row] = product_id.int >> 64, product_id.int & _HALF
        self._alive[row] = True
        self._write(row, facts)
        return row

    def _write(self, row: int, facts: Facts) -> None:
        self.prices[row], self.published[row], self.sold[row] = facts.price, facts.published_ms, facts.sold
        self.stars[row], self.ratings[row] = facts.stars, facts.rating
        for name, values in facts.values.items():
            self.facets.setdefault(name, Values()).put(row, values)
        for values_ in self.facets.values():
            values_.widened(self.size)

    def _tell(self, row: int, by: int) -> set[Scope]:
        """Have the tallies count a product in, or out; gives the scopes that it is in."""
        if not self.tallies:
            return set()
        held = {name: codes for name, values in self.facets.items() if (codes := values.codes_of(row))}
        scopes: set[Scope] = {None}
        for name in (CATEGORY, COLLECTION):
            scopes |= {self.facets[name].values[code - 1] for code in held.get(name, ())}
        self.tallies.move(scopes, held, by)
        return scopes

    def _sorted_row(self, product_id: UUID) -> int | None:
        high, low = np.uint64(product_id.int >> 64), np.uint64(product_id.int & _HALF)
        within = self.high[: self._sorted]
        first, last = np.searchsorted(within, high, "left"), np.searchsorted(within, high, "right")
        at = int(first + np.searchsorted(self.low[first:last], low))
        return at if at < last and self.low[at] == low else None


def _with_room(rows: NDArray[_Kind], needed: int) -> NDArray[_Kind]:
    if needed <= len(rows):
        return rows
    larger = np.zeros(_room(needed, len(rows)), rows.dtype)
    larger[: len(rows)] = rows
    return larger


def _room(needed: int, had: int) -> int:
    """How many rows to have room for: more than are needed, so that it is not made for each anew."""
    return had if needed <= had else max(int(needed * _ROOM), 64)
