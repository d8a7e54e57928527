"""What somebody who types a query may be about to ask for: whatever has each word typed, the last as a beginning.

A file of SQLite's full-text index (FTS5), one a tenant and never changed once written. Entries are numbered by how
wanted they are, and FTS5 walks its lists in the order of the numbers: the first matches are the most wanted ones, and
the rest are not read. Beginnings of up to eight letters have lists of their own. Where nothing begins as typed, a word
of three letters or more is taken with one slip (Damerau 1964: a letter too many, too few, another, or two the wrong way
round), tried as Norvig does ("How to Write a Spelling Corrector", 2007) against the words of the tenant's own entries.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote

import orjson

from models.search.analysis import words

SHORTEST_MISSPELT = 3
"""Shorter words are taken as they are: almost any two of them are neighbours."""
LONGEST_MISSPELT = 20
MOST_WORDS = 6
"""How many words of what was typed are looked for; nobody picks a suggestion after more."""
MOST_LETTERS = 64
"""The largest alphabet that slips are tried with; a script with more letters has no words of letters to mistype."""
LAST = "\U0010ffff"
"""Comes after every letter."""


class Kind(StrEnum):
    """What is suggested."""

    QUERY = "query"
    CATEGORY = "category"
    BRAND = "brand"
    PRODUCT = "product"


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to suggest."""

    key: str
    """What names it to whoever shows it."""
    text: str
    """What it is shown as; empty where the key is enough to show it by."""
    searched: str
    """What it is found by."""


@dataclass(frozen=True, slots=True)
class Suggested:
    """An entry that was found."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Completed:
    """What was found of each kind, the most wanted first."""

    found: Mapping[Kind, Sequence[Suggested]]
    is_exact: bool
    """Each word was found as it was typed."""


def write(file: Path, entries: Mapping[Kind, Iterable[Entry]]) -> dict[Kind, int]:
    """Write the entries of each kind, which come in the order of how wanted they are; says how many there are.

    Raises:
        FileExistsError: the file is there.
    """
    file.touch(exist_ok=False)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        # It is thrown away as a whole when the writing fails.
        connection.executescript("PRAGMA journal_mode = off; PRAGMA synchronous = off; BEGIN;")
        connection.execute("CREATE TABLE word (word TEXT PRIMARY KEY) WITHOUT ROWID")
        counts = {kind: _write(connection, kind, entries.get(kind, ())) for kind in Kind}
        connection.execute("COMMIT")
    return counts


def _write(connection: sqlite3.Connection, kind: Kind, entries: Iterable[Entry]) -> int:
    connection.execute(f"CREATE TABLE {kind} (place INTEGER PRIMARY KEY, key TEXT NOT NULL, text TEXT NOT NULL)")
    # The words come parted by spaces and folded: nothing is left to the tokenizer.
    connection.execute(
        f"CREATE VIRTUAL TABLE {kind}_words USING fts5("
        "words, content='', columnsize=0, detail=none, prefix='1 2 3 4 5 6 7 8', tokenize='ascii')"
    )
    written = 0
    for written, entry in enumerate(entries, start=1):
        connection.execute(f"INSERT INTO {kind} VALUES (?, ?, ?)", (written, entry.key, entry.text))  # noqa: S608 - a kind's name
        spoken = " ".join(words(entry.searched))
        connection.execute(f"INSERT INTO {kind}_words (rowid, words) VALUES (?, ?)", (written, spoken))  # noqa: S608 - a kind's name
    connection.execute(f"INSERT INTO {kind}_words ({kind}_words) VALUES ('optimize')")  # noqa: S608 - a kind's name
    connection.execute(f"CREATE VIRTUAL TABLE temp.{kind}_vocabulary USING fts5vocab(main, {kind}_words, row)")
    connection.execute(f"INSERT OR IGNORE INTO word SELECT term FROM temp.{kind}_vocabulary")  # noqa: S608 - a kind's name
    return written


class Completions:
    """A tenant's file, read. Safe to ask from several threads, one after another."""

    def __init__(self, file: Path) -> None:
        """Open it.

        Raises:
            sqlite3.DatabaseError: it is none that `write` made.
        """
        # It never changes, so that no lock is taken, and all workers of a machine share its pages.
        address = f"file:{quote(str(file))}?mode=ro&immutable=1"
        self._connection = sqlite3.connect(address, uri=True, check_same_thread=False)
        self._connection.execute(f"PRAGMA mmap_size = {file.stat().st_size}")
        self._letters = _letters(self._connection)

    def complete(self, typed: str, limits: Mapping[Kind, int]) -> Completed:
        """At most so many entries of each kind for what was typed so far."""
        asked = list(dict.fromkeys(words(typed)[:MOST_WORDS]))
        if not asked:
            return Completed({kind: [] for kind in limits}, is_exact=True)
        exactly = self._find(_all_of(asked, typed), limits)
        if any(exactly.values()):
            return Completed(exactly, is_exact=True)
        nearly = " AND ".join(f"({_any_of(self._meant(word))})" for word in asked)
        return Completed(self._find(nearly, limits), is_exact=False)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _find(self, match: str, limits: Mapping[Kind, int]) -> dict[Kind, list[Suggested]]:
        return {kind: self._of(kind, match, limit) for kind, limit in limits.items()}

    def _of(self, kind: Kind, match: str, limit: int) -> list[Suggested]:
        found = self._connection.execute(
            f"""
            SELECT shown.key, shown.text
            FROM (SELECT rowid FROM {kind}_words WHERE {kind}_words MATCH ? ORDER BY rowid LIMIT ?) found
            JOIN {kind} shown ON shown.place = found.rowid ORDER BY found.rowid
            """,  # noqa: S608 - the name of a kind
            (match, limit),
        )
        return [Suggested(key, text) for key, text in found]

    def _meant(self, word: str) -> Sequence[str]:
        """The beginnings that a word may have been meant as; itself, where something begins so."""
        may_be_misspelt = SHORTEST_MISSPELT <= len(word) <= LONGEST_MISSPELT and not any(map(str.isdigit, word))
        if not may_be_misspelt or self._beginnings([word]):
            return [word]
        return self._beginnings(sorted(set(_one_slip(word, self._letters)))) or [word]

    def _beginnings(self, candidates: Sequence[str]) -> list[str]:
        """Those that a word begins with."""
        found = self._connection.execute(
            """
            SELECT value FROM json_each(?)
            WHERE EXISTS (SELECT 1 FROM word WHERE word >= value AND word < value || ?)
            """,
            (orjson.dumps(candidates).decode(), LAST),
        )
        return [value for (value,) in found]


def _all_of(asked: Sequence[str], typed: str) -> str:
    """Whatever has all the words; the last is a beginning, until a space says that it is whole."""
    whole = [f'"{word}"' for word in asked]
    return " AND ".join(whole if typed[-1:].isspace() else [*whole[:-1], f"{whole[-1]}*"])


def _any_of(beginnings: Sequence[str]) -> str:
    return " OR ".join(f'"{one}"*' for one in beginnings)


def _one_slip(word: str, letters: str) -> Iterator[str]:
    """What a word was meant as if one slip made it; the first letter is seldom the wrong one, and stays unless two
    changed places."""
    parts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    for before, after in parts:
        if len(after) > 1:
            yield before + after[1] + after[0] + after[2:]
        if before and after:
            yield before + after[1:]
            yield from (before + letter + after[1:] for letter in letters)
        if before:
            yield from (before + letter + after for letter in letters)


def _letters(connection: sqlite3.Connection) -> str:
    """The letters that the words are made of; none where there are too many to try."""
    found = {letter for (word,) in connection.execute("SELECT word FROM word") for letter in word if letter.isalpha()}
    return "".join(sorted(found)) if len(found) <= MOST_LETTERS else ""
