"""What search knows of a product, and the texts that are made of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

SENTENCE_DESCRIPTION = 200
"""How many characters of its description go into a product's vector: the encoder reads about as much."""
_IDENTIFIER = re.compile(r"[^0-9a-z]+")
_NAME_PART = re.compile(r"[_\s]+")


class Field(StrEnum):
    """A part of a product's text; each weighs differently."""

    TITLE = "title"
    BRAND = "brand"
    CATEGORY = "category"
    ATTRIBUTES = "attributes"
    DESCRIPTION = "description"
    IDENTIFIERS = "identifiers"


@dataclass(frozen=True, slots=True)
class Document:
    """A product as it is searched for."""

    id: str
    title: str
    brand: str = ""
    category: Sequence[str] = ()
    """The names of its categories, from the root down."""
    description: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    skus: Sequence[str] = ()
    gtins: Sequence[str] = ()

    def texts(self) -> dict[Field, str]:
        """The text of each field."""
        return {
            Field.TITLE: self.title,
            Field.BRAND: self.brand,
            Field.CATEGORY: " / ".join(self.category),
            Field.ATTRIBUTES: ", ".join(_values(self.attributes)),
            Field.DESCRIPTION: self.description,
            Field.IDENTIFIERS: " ".join((*self.skus, *self.gtins)),
        }

    @property
    def sentence(self) -> str:
        """What the sentence encoder reads."""
        parts = (self.title, *self.category[-1:], self.description[:SENTENCE_DESCRIPTION].strip())
        return ". ".join(part for part in parts if part)

    @property
    def identifiers(self) -> list[str]:
        """Its SKUs and GTINs, as `identifier` writes what was asked."""
        return sorted({identifier(one) for one in (*self.skus, *self.gtins)} - {""})


def identifier(text: str) -> str:
    """A SKU or GTIN as it is compared: letters of either case, and no spaces, dashes or dots."""
    return _IDENTIFIER.sub("", text.casefold())


def _values(attributes: Mapping[str, Any]) -> Iterator[str]:
    """What is said of a product: words and choices as they are, a number after its name, a yes by its name."""
    for name, value in attributes.items():
        spoken = _NAME_PART.sub(" ", name).strip()
        if value is True:
            yield spoken
        elif isinstance(value, str):
            yield f"size {value}" if spoken.casefold() == "size" else value
        elif isinstance(value, list):
            yield from (one for one in value if isinstance(one, str))
        elif isinstance(value, int | float) and value is not False:
            yield f"{spoken} {value:g}"
