"""Text into terms: the same for what a product says and for what a shopper asks.

Words are folded (NFKC, case, accents), stemmed by Snowball in the shop's language, and quantities are written in one
unit a kind, so that `1.5l`, `1,5 litres` and `1500 ml` are one term, and so are `size 42` and `Size: 42`. Scripts that
put no spaces between words are read as pairs of letters that overlap, and as letters: Lucene's `CJKBigramFilter` with
`outputUnigrams`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise

import snowballstemmer

STEMMERS = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "es": "spanish", "et": "estonian", "eu": "basque", "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi",
    "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian", "nb": "norwegian",
    "ne": "nepali", "nl": "dutch", "nn": "norwegian", "no": "norwegian", "pl": "polish", "pt": "portuguese",
    "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish",
}  # fmt: skip
"""Snowball's algorithm of each language (ISO 639-1); words of any other are left as they are."""

MOST_TERMS = 5_000
"""What is read of a text; a description of a whole book is cut."""
LONGEST_WORD = 64

_UNITS = {
    "ml": ("ml", Decimal(1)), "cl": ("ml", Decimal(10)), "dl": ("ml", Decimal(100)), "l": ("ml", Decimal(1000)),
    "ltr": ("ml", Decimal(1000)), "liter": ("ml", Decimal(1000)), "liters": ("ml", Decimal(1000)),
    "litre": ("ml", Decimal(1000)), "litres": ("ml", Decimal(1000)),
    "mg": ("g", Decimal("0.001")), "g": ("g", Decimal(1)), "gr": ("g", Decimal(1)), "gram": ("g", Decimal(1)),
    "grams": ("g", Decimal(1)), "kg": ("g", Decimal(1000)), "kilo": ("g", Decimal(1000)),
    "oz": ("oz", Decimal(1)), "ounce": ("oz", Decimal(1)), "ounces": ("oz", Decimal(1)),
    "lb": ("lb", Decimal(1)), "lbs": ("lb", Decimal(1)),
    "mm": ("mm", Decimal(1)), "cm": ("mm", Decimal(10)), "m": ("mm", Decimal(1000)), "meter": ("mm", Decimal(1000)),
    "meters": ("mm", Decimal(1000)), "metre": ("mm", Decimal(1000)), "metres": ("mm", Decimal(1000)),
    '"': ("in", Decimal(1)), "''": ("in", Decimal(1)), "″": ("in", Decimal(1)), "in": ("in", Decimal(1)),
    "inch": ("in", Decimal(1)), "inches": ("in", Decimal(1)), "ft": ("ft", Decimal(1)), "feet": ("ft", Decimal(1)),
    "mb": ("mb", Decimal(1)), "gb": ("mb", Decimal(1000)), "tb": ("mb", Decimal(1_000_000)),
    "mhz": ("mhz", Decimal(1)), "ghz": ("mhz", Decimal(1000)), "w": ("w", Decimal(1)), "watt": ("w", Decimal(1)),
    "watts": ("w", Decimal(1)), "kw": ("w", Decimal(1000)), "v": ("v", Decimal(1)), "volt": ("v", Decimal(1)),
    "mah": ("mah", Decimal(1)), "mp": ("mp", Decimal(1)),
}  # fmt: skip
"""What a unit is counted in, and how many of those it is. What traders call a gigabyte is a thousand megabytes."""

_NUMBER = r"\d+(?:[.,]\d+)?"
_LETTER = (
    r"(?:[^\W_]|[\u0300-\u036f\u0900-\u0963\u0966-\u0dff\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1-\u0ebd\u0ec8-\u0ecd])"
)
"""Python's own word characters leave out the vowel signs of India's scripts, of Thai and of Lao."""
_UNSPACED = re.compile(
    # Thai, Lao, Burmese, Khmer; kana; Chinese characters; Hangul, whose words carry their particles.
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff]+)"
)
"""A run of letters of scripts that don't show where a word ends."""
_ACCENTS = re.compile("[\u0300-\u036f]")
_TOKENS = re.compile(
    rf"\b(?:size|sz)[\s:.]*(?P<size>{_NUMBER}|x{{0,4}}[sl]|m)\b"
    rf"|(?<![^\W_])(?P<number>{_NUMBER})(?:(?P<apart>[ ])?(?P<unit>[a-z]{{1,6}}|\"|''|″))?(?![^\W_])"
    rf"|(?P<word>[^\W_]{_LETTER}*(?:['\u2019]{_LETTER}+)?)"
)
_WORDS = re.compile(rf"[^\W_]{_LETTER}*")
_HYPHENATED = re.compile(r"(?<![^\W_])[^\W\d_]{1,12}-[^\W\d_]{1,12}(?![^\W_-])")


@dataclass(frozen=True, slots=True)
class Token:
    """A term, and the word it was made of."""

    term: str
    surface: str
    is_word: bool
    """Made of letters, so that it can be misspelt; a quantity or a number can't."""


def fold(text: str) -> str:
    """Text in which compatibility forms and case are no difference."""
    return unicodedata.normalize("NFKC", text.casefold())


def plain(text: str) -> str:
    """Folded text without the accents of Latin, Greek and Cyrillic."""
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", text)))


def tokens(text: str, language: str = "en") -> list[Token]:
    """The terms of a text in its order, at most `MOST_TERMS`.

    `language` is an ISO 639-1 code, or a locale that begins with one.
    """
    folded = fold(text)
    found = [*_read(folded, language), *_hyphenated(folded, language)]
    return found[:MOST_TERMS]


def terms(text: str, language: str = "en") -> list[str]:
    """What `tokens` finds, without its words."""
    return [each.term for each in tokens(text, language)]


def words(text: str) -> list[str]:
    """The plain words of a text in its order, whole and unstemmed, at most `MOST_TERMS`."""
    return _WORDS.findall(plain(fold(text)))[:MOST_TERMS]


def stem(word: str, language: str) -> str:
    """A folded word without its ending and its accents, which many leave out as they type."""
    algorithm = STEMMERS.get(language[:2].lower())
    return plain(word) if algorithm is None else _stemmed(word, algorithm)


def _read(folded: str, language: str) -> Iterator[Token]:
    for match in _TOKENS.finditer(folded):
        if match["word"]:
            yield from _run(match["word"], language)
        elif match["size"]:
            yield Token(f"size={match['size'].replace(',', '.')}", match[0], is_word=False)
        elif match["unit"] in _UNITS:
            yield Token(_quantity(match["number"], match["unit"]), match[0], is_word=False)
        elif match["unit"] and not match["apart"]:
            yield Token(match[0], match[0], is_word=False)
        else:
            yield Token(match["number"].replace(",", "."), match["number"], is_word=False)
            if match["unit"]:
                yield _word(match["unit"], language)


def _run(run: str, language: str) -> Iterator[Token]:
    for at, part in enumerate(_UNSPACED.split(run)):
        if at % 2:
            yield from (Token(pair, pair, is_word=False) for pair in map("".join, pairwise(part)))
            yield from (Token(letter, letter, is_word=False) for letter in part if letter.isalpha())
        elif part:
            yield _word(part, language)


def _word(word: str, language: str) -> Token:
    whole = word.replace("\u2019", "'").removesuffix("'s").replace("'", "")[:LONGEST_WORD]
    if any(each.isdigit() for each in whole):
        return Token(plain(whole), whole, is_word=False)
    return Token(stem(whole, language), whole, is_word=True)


def _hyphenated(folded: str, language: str) -> Iterator[Token]:
    """`wi-fi` is asked as `wifi` as well."""
    for match in _HYPHENATED.finditer(folded):
        whole = match[0].replace("-", "")
        yield Token(stem(whole, language), whole, is_word=True)


def _quantity(number: str, unit: str) -> str:
    base, many = _UNITS[unit]
    amount = (Decimal(number.replace(",", ".")) * many).normalize()
    return f"{amount:f}{base}"


@lru_cache(maxsize=200_000)
def _stemmed(word: str, algorithm: str) -> str:
    # One a call: it has a state, and there are threads.
    return plain(snowballstemmer.stemmer(algorithm).stemWord(word))
