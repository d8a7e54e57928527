"""Which of a tenant's own things, such as brands and categories, a query names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from foundation.steering import Synonym
from models.search.analysis import stem, words

Words = tuple[str, ...]
Read = Callable[[str], str]
"""How a plain word is compared: as it is, or without its ending."""


class Thing(NamedTuple):
    """Something that has a name: a value of a facet."""

    facet: str
    value: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """Some words of a query that are a name."""

    things: Sequence[Thing]
    """All that are called so."""
    words: int


def as_written(word: str) -> str:
    """How a name is compared that is written in one way, as brands are."""
    return word


def stemmed(language: str) -> Read:
    """How a name of common words is compared, which has a singular and a plural."""
    return partial(stem, language=language)


@dataclass(frozen=True, slots=True)
class Names:
    """What things of a kind are called, ready to be looked for in queries."""

    by_words: Mapping[Words, Sequence[Thing]] = field(default_factory=dict)
    longest: int = 0
    """Words of the longest name."""
    read: Read = as_written

    @classmethod
    def of(cls, names: Iterable[tuple[Thing, str]], read: Read = as_written, synonyms: Iterable[Synonym] = ()) -> Names:
        """A thing may have several names, and several things one; what stands for a name names the thing as well."""
        by_words: dict[Words, dict[Thing, None]] = defaultdict(dict)
        for thing, name in names:
            by_words[_read(name, read)][thing] = None
        for words_, thing in [pair for one in synonyms for pair in _also(one, by_words, read)]:
            by_words[words_][thing] = None
        by_words.pop((), None)
        found = {words_: tuple(things) for words_, things in by_words.items()}
        return cls(found, max(map(len, found), default=0), read)


def named(query: str, *kinds: Names) -> list[Phrase]:
    """What a query names, in its order: of names within a name the longest is meant, of whatever kind it is."""
    said = words(query)
    read = [[one.read(word) for word in said] for one in kinds]
    longest = max((one.longest for one in kinds), default=0)
    found, at = list[Phrase](), 0
    while at < len(said):
        length = min(longest, len(said) - at)
        while length and not (things := _called(kinds, read, slice(at, at + length))):
            length -= 1
        if length:
            found.append(Phrase(things, length))
        at += max(length, 1)
    return found


def _called(kinds: Sequence[Names], read: Sequence[Sequence[str]], here: slice) -> list[Thing]:
    return [thing for one, said in zip(kinds, read, strict=True) for thing in one.by_words.get(tuple(said[here]), ())]


def _also(synonym: Synonym, by_words: Mapping[Words, Iterable[Thing]], read: Read) -> Iterator[tuple[Words, Thing]]:
    """The further names that things have by a synonym."""
    things = [thing for phrase in synonym.phrases for thing in by_words.get(_read(phrase, read), ())]
    asked = synonym.phrases if synonym.written is None else (synonym.written,)
    return ((_read(phrase, read), thing) for phrase in asked for thing in things)


def _read(name: str, read: Read) -> Words:
    return tuple(map(read, words(name)))
