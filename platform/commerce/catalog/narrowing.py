"""What a list is narrowed down by: filters as an address has them, and facets as people read them.

`filter=brand:Acme&filter=brand:Bolt&filter=price:1000-4999`: any of what is chosen of a facet, and all facets together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from commerce.catalog.facet_names import FacetNames, NamedAttribute
from foundation.errors import Unprocessable
from foundation.search import (
    ATTRIBUTE,
    AVAILABILITY,
    BRAND,
    CATEGORY,
    COLLECTION,
    IN_STOCK,
    LEAST_STARS,
    MOST_CHOSEN,
    MOST_FACETS,
    OPTION,
    PRICE,
    RATING,
    SOLD_OUT,
    VENDOR,
    Chosen,
    FacetCounts,
    Range,
    Recognised,
    UnknownChoice,
    ValueCount,
)

_RANGE = re.compile(r"([0-9]{0,12})-([0-9]{0,12})")
_LABELS = {
    CATEGORY: "Category",
    BRAND: "Brand",
    PRICE: "Price",
    RATING: "Rating",
    AVAILABILITY: "Availability",
    VENDOR: "Sold by",
    COLLECTION: "Collection",
}
_AVAILABILITY = {IN_STOCK: "In stock", SOLD_OUT: "Sold out"}
_STARS = {least: f"{least} star{'' if least == '1' else 's'} and up" for least in LEAST_STARS}
_BOOLEAN = {"yes": "Yes", "no": "No"}


class FilterMalformed(Unprocessable):
    """A filter is a facet, a colon and a value, such as `brand:Acme`; of prices a range of minor units, `1000-4999`."""

    code = "search.malformed_filter"

    filter: str


class FacetUnknown(Unprocessable):
    """The shop's products are not narrowed down by that."""

    code = "search.unknown_facet"

    facet: str


class FacetValueUnknown(Unprocessable):
    """No product of the shop has this value of the facet."""

    code = "search.unknown_filter_value"

    facet: str
    value: str


class TooManyFilters(Unprocessable):
    """Nobody chooses that much at once."""

    code = "search.too_many_filters"

    limit: int


@dataclass(frozen=True, slots=True)
class Filter:
    """One `filter` of an address."""

    facet: str
    value: str

    @classmethod
    def read(cls, written: str) -> Filter:
        """As the address has it.

        Raises:
            FilterMalformed.
        """
        facet, colon, value = written.partition(":")
        if not (facet and colon and value):
            raise FilterMalformed(filter=written)
        return cls(facet, value)

    def __str__(self) -> str:
        return f"{self.facet}:{self.value}"


def filters_of(written: Iterable[str]) -> list[Filter]:
    """The filters of an address, each once.

    Raises:
        FilterMalformed, TooManyFilters.
    """
    found = list(dict.fromkeys(Filter.read(one) for one in written))
    facets = {one.facet for one in found}
    if len(facets) > MOST_FACETS:
        raise TooManyFilters(limit=MOST_FACETS)
    if any(sum(one.facet == facet for one in found) > MOST_CHOSEN for facet in facets):
        raise TooManyFilters(limit=MOST_CHOSEN)
    return found


def chosen_of(filters: Sequence[Filter], names: FacetNames) -> list[Chosen]:
    """The filters as the decision service understands them.

    Raises:
        FilterMalformed, FacetUnknown, FacetValueUnknown: brands and options are known to the service alone.
    """
    by_facet: dict[str, list[Filter]] = {}
    for one in filters:
        by_facet.setdefault(one.facet, []).append(one)
    return [_chosen(facet, some, names) for facet, some in by_facet.items()]


def refuse(unknown: Sequence[UnknownChoice]) -> None:
    """Say what was chosen that never was there. A collection that is there may be empty.

    Raises:
        FacetUnknown, FacetValueUnknown.
    """
    for one in unknown:
        if one.facet == COLLECTION:
            continue
        if one.value is None:
            raise FacetUnknown(facet=one.facet)
        raise FacetValueUnknown(facet=one.facet, value=one.value)


def facets_shown(
    counted: Sequence[FacetCounts], names: FacetNames, *, within: UUID | None = None
) -> list[dict[str, Any]]:
    """Facets as people read them, each a `FacetOut` as JSON has it; what has no name any more is left out, and so is
    the collection that the list is of.

    A list tells hundreds of values: as models they would cost as much as all the rest of the answer.
    """
    shown = (_shown(_others(one, str(within)) if one.facet == COLLECTION else one, names) for one in counted)
    return [one for one in shown if one is not None]


def recognised_shown(recognised: Iterable[Recognised], names: FacetNames) -> list[dict[str, str]]:
    """What a query names, each a `RecognisedOut` as JSON has it; what has no name any more is left out."""
    shown = []
    for one in recognised:
        value, label = one.value, one.value
        if one.facet == CATEGORY:
            category = names.categories.get(UUID(one.value))
            if category is None:
                continue
            value, label = category.slug, category.name
        shown.append({"facet": one.facet, "value": value, "label": label})
    return shown


def _chosen(facet: str, filters: Sequence[Filter], names: FacetNames) -> Chosen:
    if facet == PRICE:
        return Chosen(facet=facet, ranges=[_range(one) for one in filters])
    return Chosen(facet=facet, values=[_value(one, names) for one in filters])


def _range(filtered: Filter) -> Range:
    match = _RANGE.fullmatch(filtered.value)
    if match is None or match[0] == "-":
        raise FilterMalformed(filter=str(filtered))
    least, most = (int(one) if one else None for one in match.groups())
    return Range(least=least, most=most)


def _value(filtered: Filter, names: FacetNames) -> str:
    facet, value = filtered.facet, filtered.value
    known: object | None = value
    if facet == CATEGORY:
        known = found.id if (found := names.by_slug.get(value)) else None
    elif facet == VENDOR:
        known = vendor.id if (vendor := names.by_code.get(value)) else None
    elif facet == COLLECTION:
        known = collection.id if (collection := names.by_handle.get(value)) else None
    elif facet == AVAILABILITY:
        known = value if value in _AVAILABILITY else None
    elif facet == RATING:
        known = value if value in _STARS else None
    elif facet.startswith(ATTRIBUTE):
        attribute = names.attributes.get(facet.removeprefix(ATTRIBUTE))
        if attribute is None:
            raise FacetUnknown(facet=facet)
        known = value if _may_be(attribute, value) else None
    elif facet != BRAND and not facet.startswith(OPTION):
        raise FacetUnknown(facet=facet)
    if known is None:
        raise FacetValueUnknown(facet=facet, value=value)
    return str(known)


def _may_be(attribute: NamedAttribute, value: str) -> bool:
    if attribute.kind == "boolean":
        return value in _BOOLEAN
    return attribute.kind == "number" or value in attribute.choices


def _others(counted: FacetCounts, within: str) -> FacetCounts:
    return counted.model_copy(update={"values": [one for one in counted.values if one.value != within]})


def _shown(counted: FacetCounts, names: FacetNames) -> dict[str, Any] | None:
    facet = counted.facet
    attribute = names.attributes.get(facet.removeprefix(ATTRIBUTE)) if facet.startswith(ATTRIBUTE) else None
    label = attribute.name if attribute else _LABELS.get(facet, facet.removeprefix(OPTION))
    if facet.startswith(ATTRIBUTE) and attribute is None:
        return None
    values = [value for one in counted.values if (value := _named(facet, one, names, attribute)) is not None]
    ranges = [{"value": _written(one.least, one.most), **one.model_dump(mode="json")} for one in counted.ranges]
    if not values and not ranges:
        return None
    if attribute is not None and attribute.kind == "number":
        values.sort(key=lambda one: float(one["value"]))
    return {"facet": facet, "label": label, "values": values, "ranges": ranges, "more": counted.more}


def _named(
    facet: str, counted: ValueCount, names: FacetNames, attribute: NamedAttribute | None
) -> dict[str, Any] | None:
    value, parent, colour = counted.value, None, None
    if facet == CATEGORY:
        category = names.categories.get(UUID(value))
        if category is None:
            return None
        above = names.categories.get(category.parent_id) if category.parent_id else None
        value, label, parent = category.slug, category.name, above.slug if above else None
    elif facet == VENDOR:
        vendor = names.vendors.get(UUID(value))
        if vendor is None:
            return None
        value, label = vendor.code, vendor.name
    elif facet == COLLECTION:
        collection = names.collections.get(UUID(value))
        if collection is None:
            return None
        value, label = collection.handle, collection.title
    else:
        label, colour = _label(facet, value, attribute)
    return {
        "value": value,
        "label": label,
        "parent": parent,
        "colour": colour,
        "count": counted.count,
        "chosen": counted.chosen,
    }


def _label(facet: str, value: str, attribute: NamedAttribute | None) -> tuple[str, str | None]:
    """What a value is called that is no row of the shop's, and its colour."""
    if facet == AVAILABILITY:
        return _AVAILABILITY[value], None
    if facet == RATING:
        return _STARS[value], None
    if attribute is None:
        return value, None
    if attribute.kind == "boolean":
        return _BOOLEAN.get(value, value), None
    if attribute.kind == "number":
        return f"{value} {attribute.unit}" if attribute.unit else value, None
    return attribute.choices.get(value, (value, None))


def _written(least: int | None, most: int | None) -> str:
    return f"{'' if least is None else least}-{'' if most is None else most}"
