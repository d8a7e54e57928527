"""Which brands and categories a query names, out of the tenant's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from models.search.analysis import words

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Names:
    """What things are called, ready to be looked for in queries. `keys` name the things."""

    by_words: Mapping[Words, str] = field(default_factory=dict)
    longest: int = 0
    """Words of the longest name."""

    @classmethod
    def of(cls, names: Iterable[tuple[str, str]]) -> Names:
        """Of keys and names; of two things of one name, the first is meant."""
        by_words: dict[Words, str] = {}
        for key, name in names:
            by_words.setdefault(tuple(words(name)), key)
        by_words.pop((), None)
        return cls(by_words, max(map(len, by_words), default=0))

    def named(self, query: str) -> list[str]:
        """The keys of what a query names, in its order; of names within a name, the longest is meant."""
        said, found, at = words(query), list[str](), 0
        while at < len(said):
            key, length = self._longest(said, at)
            if key is not None:
                found.append(key)
            at += length
        return list(dict.fromkeys(found))

    def _longest(self, said: Sequence[str], at: int) -> tuple[str | None, int]:
        for length in range(min(self.longest, len(said) - at), 0, -1):
            key = self.by_words.get(tuple(said[at : at + length]))
            if key is not None:
                return key, length
        return None, 1
