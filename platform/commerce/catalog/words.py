"""Words as parts of addresses, and words that people read."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

import nh3
from pydantic import AfterValidator

from foundation.types import Text

_NO_WORD = re.compile(r"[^a-z0-9]+")


def slug_of(words: str) -> str:
    """Words as part of an address: letters and digits of ASCII with dashes between."""
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    return _NO_WORD.sub("-", plain).strip("-") or "item"


def is_html(words: str) -> bool:
    """Whether a browser would find markup in it."""
    return "<" in words and nh3.is_html(words)  # nothing else begins any


def without_markup(value: str) -> str:
    """Text that is no HTML, in Unicode's form NFC.

    Raises:
        ValueError: there is markup in it.
    """
    if is_html(value):
        raise ValueError("must be plain text, without markup")
    return unicodedata.normalize("NFC", value)


Plain = Annotated[Text, AfterValidator(without_markup)]
"""A line of text such as a title: what looks like HTML is refused, `Salt & Pepper < 1 kg` is not."""
