"""What a shopper reads, from what the till prints."""

from __future__ import annotations

import re
import unicodedata

from tradewind.data.words import CATEGORIES, DEPARTMENTS, TYPES, VAGUE, WORDS

STORE_BRAND = "Store brand"
NATIONAL_BRAND = "National brand"

_UNITS = {
    "OZ": "oz",
    "LB": "lb",
    "CT": "ct",
    "ML": "ml",
    "PK": "pack",
    "GA": "gal",
    "GAL": "gal",
    "IN": "in",
    "PT": "pt",
    "QT": "qt",
    "CTN": "carton",
    "DZ": "dozen",
}
_WORD = re.compile(r"[A-Za-z0-9%.']+")
_NOT_SLUG = re.compile(r"[^a-z0-9]+")


def brand(source: str) -> str:
    """The class of a brand: the source names no brand."""
    return STORE_BRAND if source == "Private" else NATIONAL_BRAND


def size(source: str | None) -> str | None:
    """`16 OZ` as `16 oz`, `12 PK/12 OZ` as `12 pack/12 oz`, `.5 L` as `0.5 L`."""
    if not source or source.strip() in {"", "NONE"}:
        return None
    words = re.sub(r"(?<![\d])\.(\d)", r"0.\1", source.strip().upper())
    return re.sub(r"[A-Z]+", lambda match: _UNITS.get(match.group(), match.group()), words)


def phrase(source: str) -> str:
    """A till's phrase in plain words, sentence case: `FRZN BROCCOLI - CUT` is `Frozen broccoli cut`."""
    head, colon, tail = _unbracketed(source).partition(":")
    ordered = f"{tail} {head}" if colon and tail.strip() else head
    words = [_plain(word) for word in _WORD.findall(ordered.replace("&", " and ").replace("/", " "))]
    text = " ".join(_without_repeats([word for word in words if word]))
    return text[:1].upper() + text[1:]


def category(source: str | None) -> str:
    """The name of a category."""
    if source is None:
        return "Other"
    return CATEGORIES.get(source) or phrase(source) or "Other"


def department(source: str) -> str:
    """The name of a department."""
    return DEPARTMENTS.get(source) or phrase(source)


def product_type(source: str | None, in_category: str | None) -> str:
    """The name of a product type; a vague one borrows its category's."""
    if source is None:
        return category(in_category)
    known = TYPES.get(source)
    if known is not None:
        return known
    said = phrase(source) or "Other"
    if source in VAGUE and in_category is not None:
        noun = category(in_category)
        if source == "MISCELLANEOUS":
            return f"Assorted {noun.lower()}"
        return noun if said.lower() in noun.lower() else f"{said} {noun.lower()}"
    return said


def title(type_name: str, brand_name: str, size_text: str | None) -> str:
    """A product's title: `Apple sauce, store brand, 50 oz`."""
    parts = [type_name]
    if brand_name == STORE_BRAND:
        parts.append("store brand")
    if size_text:
        parts.append(size_text)
    return ", ".join(parts)


def slug(text: str) -> str:
    """The text as part of an address."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower().replace("'", "")
    return _NOT_SLUG.sub("-", plain).strip("-")[:70].strip("-") or "item"


def _unbracketed(text: str) -> str:
    """Without what is in brackets, closed or cut off by the till's 30 columns; unless nothing else is left."""
    return re.sub(r"\([^)]*\)?", " ", text).strip() or text


def _plain(word: str) -> str:
    if word in WORDS:
        return WORDS[word]
    return word if any(letter.isdigit() for letter in word) else word.strip(".").lower()


def _without_repeats(words: list[str]) -> list[str]:
    return [
        word
        for i, word in enumerate(words)
        if word.lower() not in {before.lower() for before in words[:i]} or word == "and"
    ]
