"""Which words of a query stand for others, as a shop's staff say it.

A synonym is found by its terms, so in any form of its words: `screens` has the synonyms of `screen`. What stands for a
word will do where a product has all of it, and one step far: synonyms of synonyms will not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from foundation.steering import Synonym
from models.search.analysis import terms, tokens

WEIGHT = 0.8
"""How much a synonym matters, where the word itself matters 1."""

Phrase = tuple[str, ...]


class Instead(NamedTuple):
    """Terms of a query, and others that will do in their place where a product has all of them."""

    asked: Phrase
    by: Phrase


@dataclass(frozen=True, slots=True)
class Synonyms:
    """A tenant's synonyms, ready to be looked for in a query."""

    by_phrase: Mapping[Phrase, Sequence[Phrase]] = field(default_factory=dict)
    longest: int = 0
    """Terms of the longest phrase that has synonyms."""
    words: Collection[str] = frozenset()
    """What has synonyms, word by word and folded: the catalogue may lack it, and it is spelt as it is meant."""

    @classmethod
    def of(cls, said: Iterable[Synonym], language: str) -> Synonyms:
        """Read what staff say, in the language of the shop."""
        by_phrase: dict[Phrase, dict[Phrase, None]] = defaultdict(dict)
        words: set[str] = set()
        for one in said:
            phrases = [tuple(terms(phrase, language)) for phrase in one.phrases]
            written = one.phrases if one.written is None else (one.written,)
            words.update(token.surface for each in written for token in tokens(each, language) if token.is_word)
            for phrase in (tuple(terms(each, language)) for each in written):
                by_phrase[phrase].update(dict.fromkeys(other for other in phrases if other and other != phrase))
        found = {phrase: tuple(others) for phrase, others in by_phrase.items() if phrase and others}
        return cls(found, max(map(len, found), default=0), frozenset(words))

    def instead(self, asked: Sequence[str]) -> list[Instead]:
        """What will do in the place of terms of a query."""
        return [
            Instead(phrase, other)
            for start in range(len(asked))
            for end in range(start + 1, min(start + self.longest, len(asked)) + 1)
            for phrase in [tuple(asked[start:end])]
            for other in self.by_phrase.get(phrase, ())
        ]
