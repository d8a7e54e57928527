"""Texts in other languages, as staff write them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from commerce.catalog.products.schemas import LONGEST_DESCRIPTION
from commerce.catalog.schemas import Version
from commerce.configuration.schemas import Locale
from foundation.types import Input, Model, clean, one_line

MOST_TEXTS = 500
TextName = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(one_line)]
"""`title`, `description`, `name`, `option:Size`, `value:Navy`, `choice:dark`."""


Said = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_DESCRIPTION), AfterValidator(clean)]


class TranslationIn(Input):
    """What something says in a language, all of it: a text that is left out is said in the shop's own."""

    texts: Annotated[dict[TextName, Said], Field(max_length=MOST_TEXTS)]
    version: Version | None = None
    """Of what is translated; a category has none."""


class TextOut(Model):
    """Something that can be translated."""

    name: str
    original: str
    """As the shop's own language has it."""
    is_long: bool
    """It may have several lines, and the elements of a description."""


class Translation(Model):
    """What something says in a language."""

    locale: Locale
    texts: dict[str, str]


class Translations(Model):
    """What something says, and in which languages."""

    texts: list[TextOut]
    """What can be translated."""
    items: list[Translation]
    version: int | None
