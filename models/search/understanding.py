"""What a query asks for: its words as they were probably meant, and its terms with how much each matters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from foundation.search import LONGEST_QUERY
from models.search.analysis import terms
from models.search.spelling import Speller, Spelling
from models.search.synonyms import Instead, Synonyms


@dataclass(frozen=True, slots=True)
class Understood:
    """A query, read."""

    asked: str
    spelling: Spelling
    terms: Mapping[str, float]
    """What to look for, and how much each matters; empty when there is no word in it."""
    instead: Sequence[Instead] = ()
    """What will do in the place of some of it."""

    @property
    def sentence(self) -> str:
        """What the sentence encoder reads."""
        return self.spelling.query


def understand(
    query: str, speller: Speller | None = None, language: str = "en", synonyms: Synonyms | None = None
) -> Understood:
    """Read a query; without a speller its words are taken as they are."""
    asked = " ".join(query[:LONGEST_QUERY].split())
    spelling = Spelling(asked, {}) if speller is None else speller.correct(asked, synonyms.words if synonyms else ())
    said = terms(spelling.query, language)
    instead = synonyms.instead(said) if synonyms else ()
    return Understood(asked, spelling, dict.fromkeys(said, 1.0), instead)
