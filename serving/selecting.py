"""A page of a result out of the columns, and its facets: what is chosen, counted and put in order.

Within a facet any of what is chosen will do, between facets all of it; a facet is counted as if nothing were chosen in
it, so that its counts say what choosing more of it would give.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple
from uuid import UUID

import numpy as np

from foundation.search import (
    ATTRIBUTE,
    AVAILABILITY,
    BRAND,
    CATEGORY,
    COLLECTION,
    LEAST_STARS,
    MOST_CHOSEN,
    MOST_FACETS,
    PRICE,
    RATING,
    VENDOR,
    After,
    Chosen,
    FacetCounts,
    RangeCount,
    Relaxable,
    SearchRequest,
    UnknownChoice,
    ValueCount,
)
from models.arrays import Doubles, Flags, Ints
from serving.columns import NONE, Columns, Values
from serving.tallies import SMALLEST, Counted, Scope, Tally

RANGES = 5
"""Ranges of prices that are proposed, more or less."""
_SAMPLE = 10_000
"""Prices that the ranges are made of: where a fifth of them ends is seen from so many."""
_ROUND: Sequence[float] = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
"""What prices are rounded to, times a power of ten."""
_FIRST = (CATEGORY, BRAND, PRICE, RATING, AVAILABILITY, VENDOR, COLLECTION)
"""The facets that come first, in their order; after them those that most products have."""
_CONTINUED = 0.01
"""A number that takes more values than this share of the products that have it is no facet ..."""
_FEW = 30
"""... if there are more than so many."""


class Result(NamedTuple):
    """What a search is about: products, and a key of each that is the smaller the better they answer."""

    rows: Ints
    keys: Doubles
    counted: Mapping[str, Counted] | None = None
    """The facets over all of it, where that is known already."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a result."""

    rows: Ints
    keys: Doubles
    total: int
    has_more: bool
    facets: Sequence[FacetCounts]
    relaxable: Sequence[Relaxable] = ()


def unknown(columns: Columns, chosen: Sequence[Chosen]) -> list[UnknownChoice]:
    """What is chosen and was never there."""
    found = []
    for one in chosen:
        facet = columns.facets.get(one.facet)
        if one.facet == RATING:
            found += [UnknownChoice(facet=RATING, value=value) for value in one.values if value not in LEAST_STARS]
        elif facet is None and one.facet != PRICE:
            found.append(UnknownChoice(facet=one.facet, value=None))
        elif facet is not None:
            lacking = (value for value in one.values if facet.code(value) is None)
            found += [UnknownChoice(facet=one.facet, value=value) for value in lacking]
    return found


def select(columns: Columns, result: Result, request: SearchRequest) -> Page:
    """The page that is asked for."""
    fits = {one.facet: _fits(columns, result.rows, one) for one in request.chosen}
    kept = np.flatnonzero(_all(fits.values(), len(result.rows)))
    rows, keys = result.rows[kept], _keys(columns, result, request)[kept]
    shown = _next(columns, rows, keys, request)
    page, more = shown[: request.limit], len(shown) > request.limit
    facets = _facets(columns, result, fits, request.chosen) if request.facets else []
    relaxable = [] if len(rows) else _relaxable(fits, len(result.rows))
    return Page(rows[page], keys[page], len(rows), more, facets, relaxable)


def everything(columns: Columns, request: SearchRequest) -> Result:
    """All products of a category, of a collection, or of the shop: in the order that the collection was given, or else
    what sells most first.
    """
    if request.collection is None:
        rows, counted = _tallied(columns, CATEGORY, request.within)
    else:
        rows, counted = _tallied(columns, COLLECTION, request.collection)
    return Result(rows, _arranged(columns, rows, request.arranged), counted)


def _arranged(columns: Columns, rows: Ints, order: Sequence[UUID]) -> Doubles:
    if not order:
        return -columns.sold[rows]
    places = np.full(columns.size, float(len(order)))
    for place, product_id in enumerate(order):
        row = columns.row_of(product_id)
        if row is not None:
            places[row] = place
    arranged: Doubles = places[rows]
    return arranged


def _tallied(columns: Columns, facet: str, value: UUID | None) -> tuple[Ints, Mapping[str, Counted] | None]:
    scope: Scope = None if value is None else str(value)
    tally = columns.tallies.find(scope)
    if tally is not None and tally.rows is not None:
        return tally.rows, tally.facets
    rows = np.flatnonzero(columns.alive if scope is None else columns.alive & having(columns, facet, scope))
    if tally is None:
        if len(rows) < SMALLEST:
            return rows, None
        tally = Tally.of(columns.facets, rows)
        columns.tallies.keep(scope, tally)
    tally.rows = rows
    return rows, tally.facets


def having(columns: Columns, facet: str, value: str) -> Flags:
    """Which of all rows have a value."""
    found = columns.facets.get(facet)
    return np.zeros(columns.size, np.bool_) if found is None else found.fits(slice(columns.size), [value])


def _fits(columns: Columns, rows: Ints, chosen: Chosen) -> Flags:
    fits: Flags = np.zeros(len(rows), np.bool_)
    if chosen.facet == PRICE:
        prices = columns.prices[rows]
        for one in chosen.ranges:
            least = -math.inf if one.least is None else one.least
            most = math.inf if one.most is None else one.most
            fits = fits | ((prices >= least) & (prices <= most))
        return fits
    if chosen.facet == RATING:
        # Any of several will do: the lowest.
        return columns.stars[rows] >= min(map(int, chosen.values), default=math.inf)
    facet = columns.facets.get(chosen.facet)
    return fits if facet is None else facet.fits(_some(columns, rows), chosen.values)


def _some(columns: Columns, rows: Ints) -> Ints | slice:
    """The rows; as a slice when they are all, which need not be copied then."""
    return slice(columns.size) if len(rows) == columns.size else rows


def _relaxable(fits: Mapping[str, Flags], size: int) -> list[Relaxable]:
    """What may be let go, each by itself, so that something is found."""
    others = ((facet, [flags for name, flags in fits.items() if name != facet]) for facet in fits)
    totals = ((facet, int(np.count_nonzero(_all(kept, size)))) for facet, kept in others)
    found = [Relaxable(facet=facet, total=total) for facet, total in totals if total]
    return sorted(found, key=lambda one: -one.total)


def _all(fits: Iterable[Flags], size: int) -> Flags:
    together = np.ones(size, np.bool_)
    for one in fits:
        together &= one
    return together


def _keys(columns: Columns, result: Result, request: SearchRequest) -> Doubles:
    match request.sort:
        case "price_asc":
            return columns.prices[result.rows]
        case "price_desc":
            return -columns.prices[result.rows]
        case "newest":
            return -columns.published[result.rows]
        case "popularity":
            return -columns.sold[result.rows]
        case "rating":
            return -columns.ratings[result.rows]
        case _:
            return result.keys


def _next(columns: Columns, rows: Ints, keys: Doubles, request: SearchRequest) -> Ints:
    """Where in `rows` the next products are, in their order: one more than the limit, where there are more."""
    left = np.arange(len(rows))
    if request.after is not None:
        left = left[_behind(columns, rows, keys, request.after, moves=request.sort == "relevance")]
    by = (lambda at: keys[at], lambda at: columns.high[rows[at]], lambda at: columns.low[rows[at]])
    first = _smallest(left, by, request.limit + 1)
    key, high, low = (one(first) for one in by)
    return first[np.lexsort((low, high, key))]


def _behind(columns: Columns, rows: Ints, keys: Doubles, after: After, *, moves: bool) -> Flags:
    """Which products come after the last one seen: after its present place where `moves`, else after its old one."""
    key = after.key
    row = columns.row_of(after.product_id) if moves else None
    if row is not None:
        at = np.searchsorted(rows, row)
        if at < len(rows) and rows[at] == row:
            key = float(keys[at])
    behind: Flags = keys > key
    tied = np.flatnonzero(keys == key)
    high, low = np.uint64(after.product_id.int >> 64), np.uint64(after.product_id.int & (2**64 - 1))
    highs, lows = columns.high[rows[tied]], columns.low[rows[tied]]
    behind[tied] = (highs > high) | ((highs == high) & (lows > low))
    return behind


def _smallest(places: Ints, by: Sequence[Callable[[Ints], np.ndarray]], many: int) -> Ints:
    """The `many` smallest by the first key, ties by the next, in no order."""
    if len(places) <= many:
        return places
    key = by[0](places)
    bound = np.partition(key, many - 1)[many - 1]
    below, tied = places[key < bound], places[key == bound]
    wanted = many - len(below)
    if len(tied) > wanted and len(by) > 1:
        tied = _smallest(tied, by[1:], wanted)
    return np.concatenate([below, tied[:wanted]])


def _facets(columns: Columns, result: Result, fits: Mapping[str, Flags], chosen: Sequence[Chosen]) -> list[FacetCounts]:
    rows = result.rows
    everything = _all(fits.values(), len(rows))
    known = {} if fits or result.counted is None else result.counted
    of = {one.facet: one for one in chosen}
    counted: list[tuple[int, FacetCounts]] = []
    for name in [*columns.facets, PRICE, RATING]:
        others = _all([fit for facet, fit in fits.items() if facet != name], len(rows)) if name in fits else everything
        some = rows if others.all() else rows[others]
        choice = of.get(name, Chosen(facet=name))
        if name == PRICE:
            found = _prices(columns, some, choice)
        elif name == RATING:
            found = _ratings(columns, some, choice)
        else:
            over = known.get(name) or Counted.of(columns.facets[name], _some(columns, some))
            found = _values(name, columns.facets[name], over, choice)
        if found is not None:
            counted.append(found)
    counted.sort(key=lambda one: (_place(one[1].facet), one[1].facet not in of, -one[0], one[1].facet))
    return [facet for _, facet in counted[:MOST_FACETS]]


def _place(facet: str) -> int:
    return _FIRST.index(facet) if facet in _FIRST else len(_FIRST)


def _values(name: str, facet: Values, over: Counted, chosen: Chosen) -> tuple[int, FacetCounts] | None:
    counts, having = over
    picked = set(chosen.values)
    there = np.flatnonzero(counts[NONE + 1 :]) + NONE + 1
    if not picked and (not len(there) or _is_continuous(name, facet.values, there, having)):
        return None
    ordered = there[np.lexsort((there, -counts[there]))]
    told = [int(code) for code in ordered[:MOST_CHOSEN]]
    told += [code for value in chosen.values if (code := facet.code(value)) is not None and code not in set(told)]
    values = [
        ValueCount(value=value, count=int(counts[code]) if code < len(counts) else 0, chosen=value in picked)
        for code in told
        for value in (facet.values[code - 1],)
    ]
    return having, FacetCounts(facet=name, values=values, ranges=[], more=len(there) > len(told))


def _is_continuous(name: str, values: Sequence[str], there: Ints, having: int) -> bool:
    """Whether an attribute is a number that almost every product has another of, such as its weight in grams."""
    if not name.startswith(ATTRIBUTE) or len(there) <= max(_FEW, having * _CONTINUED):
        return False
    return all(_is_number(values[code - 1]) for code in there[:_FEW])


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _prices(columns: Columns, rows: Ints, chosen: Chosen) -> tuple[int, FacetCounts] | None:
    prices = columns.prices[rows]
    bounds = _bounds(prices)
    proposed: list[tuple[int | None, int | None]] = []
    if bounds:
        ends = (bound - 1 for bound in bounds)
        proposed = list(zip([None, *bounds], [*ends, None], strict=True))
    picked = [(one.least, one.most) for one in chosen.ranges]
    if not proposed and not picked:
        return None
    below = [0, *(int(np.count_nonzero(prices < bound)) for bound in bounds), len(prices)]
    counts = [more - fewer for fewer, more in pairwise(below)]
    ranges = [
        RangeCount(least=least, most=most, count=counts[at], chosen=(least, most) in picked)
        for at, (least, most) in enumerate(proposed)
    ]
    for least, most in (one for one in picked if one not in proposed):
        fits = (prices >= (least or 0)) & (prices <= (math.inf if most is None else most))
        ranges.append(RangeCount(least=least, most=most, count=int(fits.sum()), chosen=True))
    return len(rows), FacetCounts(facet=PRICE, values=[], ranges=ranges, more=False)


def _ratings(columns: Columns, rows: Ints, chosen: Chosen) -> tuple[int, FacetCounts] | None:
    """How many have so many stars at least: a product is counted in each that it reaches."""
    stars = columns.stars[_some(columns, rows)]
    rated = int(np.count_nonzero(stars))
    if not rated and not chosen.values:
        return None
    values = [
        ValueCount(value=least, count=int(np.count_nonzero(stars >= int(least))), chosen=least in chosen.values)
        for least in LEAST_STARS
    ]
    return rated, FacetCounts(facet=RATING, values=values, ranges=[], more=False)


def _bounds(prices: Doubles) -> list[int]:
    """Round amounts that part the prices into ranges of about as many products."""
    if len(prices) < 2 * RANGES:
        return []
    step = max(1, len(prices) // _SAMPLE)
    cuts = np.quantile(prices[::step], np.arange(1, RANGES) / RANGES)
    bounds = sorted({_rounded(float(cut)) for cut in cuts})
    least, most = float(prices.min()), float(prices.max())
    return [bound for bound in bounds if least < bound <= most]


def _rounded(amount: float) -> int:
    """The nearest round amount."""
    if amount < 1:
        return 1
    power = 10 ** math.floor(math.log10(amount))
    return int(min((step * power for step in _ROUND), key=lambda one: abs(one - amount)))
