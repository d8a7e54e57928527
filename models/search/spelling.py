"""What a shopper meant to type, learnt from the words of the tenant's own catalogue.

Candidates come from SymSpell (Garbe 2012), and are weighed as by a noisy channel (Kernighan, Church and Gale, COLING
1990): how many products have the word, against how unlikely the slip is. A word that the catalogue has, or that English
has, is left alone unless a neighbour is far likelier.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from symspellpy import SymSpell, Verbosity

from models.search.analysis import fold, tokens
from models.search.documents import Document

SHORTEST = 3
"""Shorter words are left alone: almost any two of them are neighbours."""
SHORTEST_PART = 3
"""And none shorter is parted from another."""
LONG_ENOUGH_FOR_TWO = 7
"""From this length on a word may have two slips."""
SLIP = 4.0
"""How much likelier, as a logarithm, a word is than a given slip of it."""
OTHER_FIRST_LETTER = 2.0
"""And how much less likely it is that the slip is in the first letter."""
ENGLISH = 2.0
"""What speaks for a word that the catalogue lacks and English has."""
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
_PREFIX = 7


@dataclass(frozen=True, slots=True)
class Spelling:
    """A query as it was probably meant."""

    query: str
    changed: Mapping[str, str]
    """Which word was taken for which; empty when nothing was."""


class Speller:
    """Knows how one tenant's words are spelt."""

    def __init__(self, products_by_word: Mapping[str, int], language: str = "en") -> None:
        self._products: dict[str, int] = {}
        self._english = english_words() if language[:2].lower() == "en" else frozenset()
        self._neighbours = SymSpell(max_dictionary_edit_distance=2, prefix_length=_PREFIX)
        self.learn(products_by_word)

    def learn(self, products_by_word: Mapping[str, int]) -> None:
        """Know these words as well; what was known of one is kept."""
        for word, products in products_by_word.items():
            if word not in self._products:
                self._products[word] = products
                self._neighbours.create_dictionary_entry(word, products)

    def correct(self, query: str, kept: Collection[str] = ()) -> Spelling:
        """The query with each word that is probably misspelt in its probable spelling; `kept` are spelt as meant."""
        changed: dict[str, str] = {}

        def spelt(match: re.Match[str]) -> str:
            word = fold(match[0])
            meant = None if word in kept else self._meant(word)
            if meant is None:
                return match[0]
            changed[match[0]] = meant
            return meant

        # A word beside a digit is part of a model's name.
        written = " ".join(_WORD.sub(spelt, part) if part.isalpha() else part for part in query.split())
        return Spelling(written if changed else query, changed)

    def _meant(self, word: str) -> str | None:
        if len(word) < SHORTEST:
            return None
        most = 2 if len(word) >= LONG_ENOUGH_FOR_TWO else 1
        best, likeliest = None, self._likelihood(word) if self._is_known(word) else -math.inf
        for found in self._neighbours.lookup(word, Verbosity.ALL, max_edit_distance=most):
            if found.distance == 0:
                continue
            moved = OTHER_FIRST_LETTER if found.term[0] != word[0] else 0.0
            likely = math.log1p(found.count) - SLIP * found.distance - moved
            if likely > likeliest:
                best, likeliest = found.term, likely
        return best if best is not None else self._parted(word)

    def _is_known(self, word: str) -> bool:
        return word in self._products or word in self._english

    def _likelihood(self, word: str) -> float:
        return math.log1p(self._products.get(word, 0)) + (ENGLISH if word in self._english else 0.0)

    def _parted(self, word: str) -> str | None:
        """Two words of the catalogue that were typed as one: the pair whose rarer word most products have."""
        if self._is_known(word):
            return None
        cuts = [(word[:at], word[at:]) for at in range(SHORTEST_PART, len(word) - SHORTEST_PART + 1)]
        parts = [pair for pair in cuts if all(one in self._products for one in pair)]
        best = max(parts, key=lambda pair: min(self._products[one] for one in pair), default=None)
        return None if best is None else " ".join(best)


def words_of(documents: Iterable[Document], language: str = "en") -> dict[str, int]:
    """How many products have each word; what a speller learns from."""
    products: Counter[str] = Counter()
    for document in documents:
        products.update(set(_words(document, language)))
    return dict(products)


def _words(document: Document, language: str) -> Iterator[str]:
    for text in document.texts().values():
        for token in tokens(text, language):
            if token.is_word:
                yield token.surface


@cache
def english_words() -> frozenset[str]:
    """The words of SymSpell's English dictionary (82,765 of the Google Books n-grams that SCOWL has)."""
    lines = resources.files("symspellpy").joinpath("frequency_dictionary_en_82_765.txt").read_text("utf-8-sig")
    return frozenset(line.split(" ", 1)[0] for line in lines.splitlines())
