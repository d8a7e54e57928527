"""What a list of products can be narrowed down by, as its page shows it: all of it is in the address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from urllib.parse import urlencode

from commerce.catalog.schemas import FacetOut, FacetValueOut, Listing, SearchResults
from foundation.money import exponent, readable
from foundation.search import BRAND, CATEGORY, PRICE, Relaxable, Sort

SORTS: Mapping[Sort, str] = {
    "relevance": "Best match",
    "popularity": "Best sellers",
    "price_asc": "Price: low to high",
    "price_desc": "Price: high to low",
    "newest": "Newest",
    "rating": "Best rated",
}
ARRANGED = "As arranged"
"""What a collection's own order is called."""
_ONLY = {BRAND: "Only by", CATEGORY: "Only in"}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a list is: its path, and what is asked of it."""

    path: str
    words: str = ""
    filters: Sequence[str] = ()
    sort: Sort | None = None

    def __str__(self) -> str:
        asked = [("q", self.words)] if self.words else []
        asked += [("filter", one) for one in self.filters]
        asked += [("sort", self.sort)] if self.sort else []
        return f"{self.path}?{urlencode(asked)}" if asked else self.path

    @property
    def onward(self) -> str:
        """The address as far as a cursor: one more thing can be asked after it."""
        return f"{self}{'&' if '?' in str(self) else '?'}"

    def only(self, filtered: str) -> Address:
        """Where the list is with one more filter."""
        return Address(self.path, self.words, [*self.filters, filtered], self.sort)

    def without(self, filtered: str) -> Address:
        """Where the list is without a filter."""
        left = [one for one in self.filters if one != filtered]
        return Address(self.path, self.words, left, self.sort)

    def without_facet(self, facet: str) -> Address:
        """Where the list is without whatever is chosen of a facet."""
        left = [one for one in self.filters if one.partition(":")[0] != facet]
        return Address(self.path, self.words, left, self.sort)

    def anew(self) -> Address:
        """Where the list is without any."""
        return Address(self.path, self.words, (), self.sort)


@dataclass(frozen=True, slots=True)
class Chip:
    """Something chosen, and where the list is without it."""

    label: str
    without: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A way on from a list that somebody may want, and where it leads."""

    label: str
    address: str


@dataclass(frozen=True, slots=True)
class Side:
    """What stands beside a list."""

    address: Address
    facets: Sequence[FacetOut]
    labels: Mapping[str, str]
    """What people read for a filter."""
    chips: Sequence[Chip]
    sorts: Mapping[Sort, str]
    sort: Sort
    relaxed: Sequence[Offer]
    """Where nothing is found: ways to what there is without one of the choices."""
    not_applied: Sequence[str]
    """Facets and `sort`, as people call them, that can't be heeded now."""
    elsewhere: Sequence[str]
    """Filters that are chosen and that no facet shows, so that they are not lost when others are chosen."""


def side_of(
    listed: Listing, address: Address, currency: str, within: str | None = None, *, best: str | None = None
) -> Side:
    """What stands beside a list in a category, in a collection, or of all the shop's products; `best` is what its own
    order is called, where it has one.
    """
    labels = _labels(listed.facets, currency)
    facets = [_leveled(one, within) if one.facet == CATEGORY else one for one in listed.facets]
    facets = [one for one in facets if one.values or one.ranges]
    shown = set(_labels(facets, currency))
    best = best or (SORTS["relevance"] if address.words else None)
    own: dict[Sort, str] = {"relevance": best} if best else {}
    sorts: dict[Sort, str] = {**own, **{name: label for name, label in SORTS.items() if name != "relevance"}}
    by_default: Sort = "relevance" if best else "popularity"
    return Side(
        address=address,
        facets=facets,
        labels=labels,
        chips=[Chip(labels.get(one, one.partition(":")[2]), str(address.without(one))) for one in address.filters],
        sorts=sorts,
        sort=listed.sort if listed.sort in sorts else by_default,
        relaxed=[_without(one, address, labels) for one in listed.relaxable],
        not_applied=[_called(one) for one in listed.not_applied],
        elsewhere=[one for one in address.filters if one not in shown],
    )


def only_in(listed: SearchResults, address: Address) -> list[Offer]:
    """What the words name, to see nothing else: unless something of its kind is chosen already."""
    chosen = {one.partition(":")[0] for one in address.filters}
    return [
        Offer(f"{_ONLY[one.facet]} {one.label}", str(address.only(f"{one.facet}:{one.value}")))
        for one in listed.recognised
        if one.facet not in chosen
    ]


def range_label(least: int | None, most: int | None, currency: str) -> str:
    """A range of prices as people read it."""
    if least is None:
        return f"Up to {readable(most or 0, currency)}"
    if most is None:
        return f"From {readable(least, currency)}"
    return f"{readable(least, currency)} to {readable(most, currency)}"


def price_filter(least: str, most: str, currency: str) -> str | None:
    """The filter for prices that somebody typed, in whole units; `None` when they say nothing."""
    bounds = ["" if amount is None else str(amount) for amount in (_minor(least, currency), _minor(most, currency))]
    return f"{PRICE}:{'-'.join(bounds)}" if any(bounds) else None


def _minor(typed: str, currency: str) -> int | None:
    try:
        amount = Decimal(typed.strip().replace(",", "."))
    except InvalidOperation:
        return None
    if not amount.is_finite() or not 0 <= amount < 10**9:
        return None
    return int(amount.scaleb(exponent(currency)))


def _labels(facets: Sequence[FacetOut], currency: str) -> dict[str, str]:
    labels: dict[str, str] = {}
    for facet in facets:
        labels |= {f"{facet.facet}:{one.value}": one.label for one in facet.values}
        labels |= {f"{facet.facet}:{one.value}": range_label(one.least, one.most, currency) for one in facet.ranges}
    return labels


def _leveled(categories: FacetOut, within: str | None) -> FacetOut:
    """The categories of the level at which they differ, and those that are chosen."""
    below: dict[str | None, list[FacetValueOut]] = {}
    for one in categories.values:
        below.setdefault(one.parent, []).append(one)
    level = below.get(within, [])
    while len(level) == 1 and below.get(level[0].value):
        level = below[level[0].value]
    chosen = [one for one in categories.values if one.chosen and one not in level]
    return categories.model_copy(update={"values": [*chosen, *level]})


def _without(one: Relaxable, address: Address, labels: Mapping[str, str]) -> Offer:
    chosen = [filtered for filtered in address.filters if filtered.partition(":")[0] == one.facet]
    called = " or ".join(labels.get(filtered, filtered.partition(":")[2]) for filtered in chosen)
    return Offer(f"Without {called} ({one.total:,})", str(address.without_facet(one.facet)))


def _called(name: str) -> str:
    return "the order" if name == "sort" else name.rpartition(".")[2]
