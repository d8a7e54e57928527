"""What a product can be narrowed down and put in order by, as the search index keeps it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from foundation.search import ATTRIBUTE, AVAILABILITY, BRAND, CATEGORY, COLLECTION, IN_STOCK, OPTION, SOLD_OUT, VENDOR
from pipelines.products import Sold

LONGEST_VALUE = 200
"""Characters of a value that can be chosen."""
MOST_VALUES = 64
"""Values of one facet that a product has at most, such as the sizes of a shoe, or the collections that it is in."""


class Facts(NamedTuple):
    """A product that can be found, but for its words."""

    price: int
    """Minor units of the shop's currency."""
    published_ms: int
    """When it was first published; of what came in before that was kept, when it was made."""
    sold: int
    """Units."""
    values: Mapping[str, Sequence[str]]
    """By the facet: none twice."""
    stars: float = 0.0
    """The average of its reviews; 0 without any, as in what was told before there were reviews."""
    rating: float = 0.0
    """What the best rated is told by, the higher the better; 0 without reviews."""

    def to_json(self) -> list[Any]:
        """As it is told."""
        return [self.price, self.published_ms, self.sold, self.values, self.stars, self.rating]

    @classmethod
    def read(cls, told: Sequence[Any]) -> Facts:
        """From what was told."""
        return cls(*told)


def facts_of(sold: Sold) -> Facts | None:
    """What is kept of a product; `None` when it can't be found: not published, or without a price."""
    if not sold.published or sold.price is None:
        return None
    return Facts(sold.price, sold.published_ms, sold.sold, dict(_values(sold)), sold.stars, sold.rating_rank)


def _values(sold: Sold) -> Iterator[tuple[str, Sequence[str]]]:
    yield AVAILABILITY, [IN_STOCK if sold.available else SOLD_OUT]
    if sold.category_ids:
        yield CATEGORY, [str(one) for one in sold.category_ids]
    if sold.brand_name:
        yield BRAND, [sold.brand_name[:LONGEST_VALUE]]
    if sold.vendor_id:
        yield VENDOR, [str(sold.vendor_id)]
    if sold.collection_ids:
        yield COLLECTION, [str(one) for one in sold.collection_ids[:MOST_VALUES]]
    for code, value in (sold.typed or {}).items():
        yield f"{ATTRIBUTE}{code}", [_written(value)]
    names = dict.fromkeys(name for options in sold.options for name in options)
    for name in names:
        values = dict.fromkeys(options[name][:LONGEST_VALUE] for options in sold.options if name in options)
        yield f"{OPTION}{name}", [*values][:MOST_VALUES]


def _written(value: Any) -> str:
    """A boolean as `yes` or `no`, a number in as few digits as tell it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.15g}" if isinstance(value, int | float) else str(value)[:LONGEST_VALUE]
