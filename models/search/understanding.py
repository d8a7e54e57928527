"""What a query asks for: its words as they were probably meant, and its terms with how much each matters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from foundation.search import LONGEST_QUERY
from models.search.analysis import terms
from models.search.spelling import Speller, Spelling


@dataclass(frozen=True, slots=True)
class Understood:
    """A query, read."""

    asked: str
    spelling: Spelling
    terms: Mapping[str, float]
    """What to look for, and how much each matters; empty when there is no word in it."""

    @property
    def sentence(self) -> str:
        """What the sentence encoder reads."""
        return self.spelling.query


def understand(query: str, speller: Speller | None = None, language: str = "en") -> Understood:
    """Read a query; without a speller its words are taken as they are."""
    asked = " ".join(query[:LONGEST_QUERY].split())
    spelling = Spelling(asked, {}) if speller is None else speller.correct(asked)
    return Understood(asked, spelling, dict.fromkeys(terms(spelling.query, language), 1.0))
