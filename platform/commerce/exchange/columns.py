r"""The columns that a file may have, and what the first line of one says of the others.

A row is a variant. Rows of the same `handle` are of one product: what is said of the product stands in the first of
them, and may be repeated in the others. Without a handle each row is a product of its own, or the one that has its SKU.
An empty cell leaves what is there; a cell with `-` takes it away. A value that is itself `-` is written `\-`, and one
that is `\-` has a backslash more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from commerce.catalog.attributes.schemas import AttributeCode
from commerce.exchange.problems import FileRefused
from commerce.media.schemas import MOST as MOST_IMAGES
from commerce.media.schemas import Alt
from foundation.money import minor_of
from foundation.types import Slug

SKU, HANDLE = "sku", "handle"
PRODUCT = (
    "title",
    "description",
    "category",
    "brand",
    "type",
    "tags",
    "country_of_origin",
    "hs_code",
    "tax_class",
    "status",
    "images",
    "image_alt",
)
"""What is said of a product."""
VARIANT = ("gtin", "price", "compare_at")
"""What is said of a variant."""
COST = "cost"
"""What a variant costs the shop."""
PRICE_ON = "price."
"""Before the code of a sales channel: the channel's own price."""
OPTIONS = 3
OPTION_NAMES = tuple(f"option{number}_name" for number in range(1, OPTIONS + 1))
OPTION_VALUES = tuple(f"option{number}_value" for number in range(1, OPTIONS + 1))
ATTRIBUTE = "attribute."
"""Before the code of an attribute."""
TOLD = ("import_line", "import_column", "import_reason")
"""Columns that a file of bad rows has besides; they are not read."""
IGNORED = "-"
"""What a column is mapped to that is not to be read."""
CLEARED = "-"
"""A cell that takes a value away."""
_KNOWN = {HANDLE, SKU, *PRODUCT, *VARIANT, COST, *OPTION_NAMES, *OPTION_VALUES}
_ALT = TypeAdapter[str](Alt)
_CODE = TypeAdapter[str](AttributeCode)
_CHANNEL = TypeAdapter[str](Slug)
_PREFIXED = {ATTRIBUTE: _CODE, PRICE_ON: _CHANNEL}
_MOST = 500
_HYPHEN, _ESCAPED = re.compile(r"\\*-"), re.compile(r"\\+-")
_LINK = re.compile(r"https?://[!-~]{1,2000}")
_CLEARED: Mapping[str, Any] = {
    "description": "",
    "category": None,
    "brand": None,
    "type": None,
    "tags": [],
    "country_of_origin": None,
    "hs_code": None,
    "images": [],
    "gtin": None,
    "compare_at": None,
}
"""What a value is that was taken away."""


class Unfit(ValueError):
    """A cell that can't be read."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where in a row what is, and how it is read."""

    sku: int
    handle: int | None
    product: Sequence[tuple[int, str, Callable[[str], Any]]]
    variant: Sequence[tuple[int, str, Callable[[str], Any]]]
    internal: Sequence[tuple[int, str, Callable[[str], Any]]]
    """What a variant costs the shop, and on channels."""
    attributes: Sequence[tuple[int, str]]
    """By the code of the attribute."""
    options: Sequence[tuple[int | None, int]]
    """Where the name of an option stands, if it does, and where its value."""
    names: Sequence[str]
    """What each column is called here, in the order of the file."""

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(self.names)


def layout(names: Sequence[str], mapping: Mapping[str, str], *, currency: str, decimal_comma: bool = False) -> Layout:
    """What the first line says, `mapping` being what columns of the file are called here.

    Raises:
        FileRefused: a column is not known, is there twice, or `sku` is missing.
    """
    places = _places(names, mapping)

    def price(told: str) -> int:
        return _price(told.replace(",", ".") if decimal_comma else told, currency)

    readers: Mapping[str, Callable[[str], Any]] = {
        "tags": _tags,
        "images": lambda told: links(told.split()),
        "image_alt": alt,
        "price": price,
        "compare_at": price,
    }

    def found(wanted: Sequence[str]) -> list[tuple[int, str, Callable[[str], Any]]]:
        return [(places[name], name, _or_cleared(name, readers.get(name, str))) for name in wanted if name in places]

    return Layout(
        sku=places[SKU],
        handle=places.get(HANDLE),
        product=found(PRODUCT),
        variant=found(VARIANT),
        internal=[
            (place, name, lambda told: None if told == CLEARED else price(told))
            for name, place in places.items()
            if name == COST or name.startswith(PRICE_ON)
        ],
        attributes=[
            (place, name.removeprefix(ATTRIBUTE)) for name, place in places.items() if name.startswith(ATTRIBUTE)
        ],
        options=[
            (places.get(name), places[value])
            for name, value in zip(OPTION_NAMES, OPTION_VALUES, strict=True)
            if value in places
        ],
        names=_named(names, places),
    )


def escaped(name: str, value: str) -> str:
    """A value as the cell of a column has it, from which `meant` gives back what it was: it takes nothing away."""
    clears = name in _CLEARED or name.startswith(ATTRIBUTE)
    return f"\\{value}" if clears and _HYPHEN.fullmatch(value) else value


def meant(cell: str) -> str:
    """What `escaped` was given."""
    return cell[1:] if _ESCAPED.fullmatch(cell) else cell


def links(told: Sequence[str]) -> list[str]:
    """Addresses of images, each once.

    Raises:
        Unfit: one is none, or there are too many.
    """
    if len(told) > MOST_IMAGES:
        raise Unfit(f"names more than {MOST_IMAGES} images")
    for one in told:
        if not _LINK.fullmatch(one):
            raise Unfit(f"is no link that begins with http:// or https://: {one[:100]}")
    return list(dict.fromkeys(told))


def alt(told: str) -> str:
    """What is seen in images, in words.

    Raises:
        Unfit.
    """
    try:
        return _ALT.validate_python(told)
    except ValidationError as fault:
        raise Unfit(fault.errors()[0]["msg"].removeprefix("Value error, ")) from None


def _named(names: Sequence[str], places: Mapping[str, int]) -> list[str]:
    ours = {place: name for name, place in places.items()}
    return [ours.get(place, told) for place, told in enumerate(names)]


def _places(names: Sequence[str], mapping: Mapping[str, str]) -> dict[str, int]:
    if len(names) > _MOST:
        raise FileRefused(f"has more than {_MOST} columns")
    places: dict[str, int] = {}
    for place, told in enumerate(names):
        name = mapping.get(told.strip(), told.strip())
        name = name if name.startswith(ATTRIBUTE) else name.lower().replace(" ", "_")
        if name in {IGNORED, ""} or name in TOLD:
            continue
        if not _is_known(name):
            raise FileRefused("is no column that is known: map it to one that is, or to - to leave it out", told[:100])
        if name in places:
            raise FileRefused("is there twice", told[:100])
        places[name] = place
    if SKU not in places:
        raise FileRefused("is missing", SKU)
    return places


def _is_known(name: str) -> bool:
    prefix, code = next(((one, by) for one, by in _PREFIXED.items() if name.startswith(one)), (None, None))
    if prefix is None or code is None:
        return name in _KNOWN
    try:
        code.validate_python(name.removeprefix(prefix))
    except ValidationError:
        return False
    return True


def _or_cleared(name: str, read: Callable[[str], Any]) -> Callable[[str], Any]:
    if name not in _CLEARED:
        return read
    cleared = _CLEARED[name]
    return lambda told: cleared if told == CLEARED else read(meant(told))


def _price(told: str, currency: str) -> int:
    try:
        return minor_of(told, currency)
    except ValueError as fault:
        raise Unfit(str(fault)) from None


def _tags(told: str) -> list[str]:
    return told.replace(",", " ").split()
