"""As much of ClickHouse's grammar as a gateway must know: what a statement does, its FORMAT, and where its data start.

The engine parses; this only cuts. It works on bytes, because what follows `FORMAT RowBinary` is no text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from tradewind.engines.clickhouse.errors import QueryFailed, not_implemented

_TOKEN = re.compile(
    rb"""
      (?P<blank> \s+ | --[^\n]* | \#[\ !][^\n]* | /\*.*?\*/ )
    | (?P<string> '(?:[^'\\]|\\.|'')*' | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$ )
    | (?P<name> `(?:[^`\\]|\\.|``)*` | "(?:[^"\\]|\\.|"")*" )
    | (?P<word> [A-Za-z_\x80-\xff][\w\x80-\xff]* )
    | (?P<number> \d[\w.]* )
    | (?P<mark> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_AFTER_FORMAT = re.compile(rb"[ \t\f]*\r?\n?")
_OPENING, _CLOSING = (b"(", b"[", b"{"), (b")", b"]", b"}")

_SELECTS = {b"SELECT", b"WITH", b"FROM"}
_SHOWS = {b"SHOW", b"DESCRIBE", b"DESC", b"EXISTS", b"EXPLAIN", b"CHECK", b"VALUES"}
_OF_THE_SESSION = {b"SET", b"USE"}


class Kind(Enum):
    """What a statement does with its connection."""

    READ = "read"
    """Gives rows, however many, and changes nothing."""
    SHOW = "show"
    """Gives a few rows about the server, and changes nothing."""
    INSERT = "insert"
    """Takes the data that follow it."""
    SESSION = "session"
    """Changes the session alone."""
    CHANGE = "change"
    """Changes data or definitions."""

    @property
    def gives_rows(self) -> bool:
        """Whether it reads alone, and its answer is what it read."""
        return self in (Kind.READ, Kind.SHOW)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, without its FORMAT clause and its data."""

    kind: Kind
    text: str
    format: str | None = None
    """Of the result, or of an insert's data; none given means the request's default."""
    settings: str = ""
    """The SETTINGS clause that followed FORMAT, or stood before it in an insert."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: bytes
    start: int
    end: int
    depth: int

    @property
    def word(self) -> bytes:
        return self.text.upper() if self.kind == "word" else b""

    @property
    def identifier(self) -> str:
        return self.text.strip(b'`"').decode()


def split_insert(text: bytes) -> tuple[Statement, int] | None:
    """Cut an `INSERT ... FORMAT f` or `INSERT ... VALUES` from its data; the number is where the data start.

    None for every other statement, those with `INSERT ... SELECT` among them.
    """
    tokens = _tokens(text)
    if next(tokens, _END).word != b"INSERT" or next(tokens, _END).word != b"INTO":
        return None
    token = next(tokens, _END)
    while token.word in (b"TABLE", b"FUNCTION"):
        token = next(tokens, _END)
    settings_at: int | None = None
    # The name of the table may be any word, also VALUES.
    for token in tokens:
        if token.depth or token.kind != "word":
            continue
        match token.word:
            case b"SETTINGS":
                settings_at = token.start
            case b"VALUES":
                return _insert(text[: token.start], settings_at, "Values"), token.end
            case b"FORMAT":
                name = next(tokens, _END)
                start = _AFTER_FORMAT.match(text, name.end)
                return _insert(text[: token.start], settings_at, name.identifier), start.end() if start else name.end
            case b"SELECT" | b"WITH" | b"WATCH":
                _refuse_input(tokens)
                return None
            case b"INFILE":
                raise QueryFailed(78, "UNKNOWN_TYPE_OF_QUERY", "Query has infile and was sent directly to the server")
    return None


def parse(text: bytes) -> Statement:
    """Read a statement that has no data after it.

    Raises:
        QueryFailed: it is empty, is more than one, or writes to a file of the server.
    """
    tokens = list(_tokens(text))
    while tokens and tokens[-1].text == b";":
        tokens.pop()
    if not tokens:
        raise QueryFailed(62, "SYNTAX_ERROR", "Empty query")
    top = [token for token in tokens if not token.depth]
    if any(token.text == b";" for token in top):
        raise QueryFailed(62, "SYNTAX_ERROR", "Syntax error (Multi-statements are not allowed)")
    kind = _kind(tokens, top)
    end = tokens[-1].end
    if not kind.gives_rows:
        return Statement(kind, text[:end].decode())
    if any(token.word == b"OUTFILE" and before.word == b"INTO" for before, token in pairwise(top)):
        raise QueryFailed(358, "INTO_OUTFILE_NOT_ALLOWED", "INTO OUTFILE is not allowed")
    at = _format_clause(top)
    if at is None:
        return Statement(kind, text[:end].decode())
    name = top[at + 1]
    return Statement(kind, text[: top[at].start].decode(), name.identifier, text[name.end : end].decode().strip())


def calls(text: str, prefix: str) -> bool:
    """Whether the statement calls a function whose name begins so, in any case of letters."""
    tokens = _tokens(text.encode())
    return any(
        after.text == b"(" and before.kind in ("word", "name") and before.identifier.lower().startswith(prefix)
        for before, after in pairwise(tokens)
    )


def _tokens(text: bytes) -> Iterator[_Token]:
    depth = 0
    for found in _TOKEN.finditer(text):
        kind = found.lastgroup or "mark"
        if kind == "blank":
            continue
        mark = found[0]
        if mark in _CLOSING:
            depth -= 1
        # `tag` is the group inside a heredoc, the last one that the expression closed before `string`.
        yield _Token("string" if kind == "tag" else kind, mark, found.start(), found.end(), depth)
        if mark in _OPENING:
            depth += 1


_END = _Token("end", b"", 0, 0, 0)


def _insert(text: bytes, settings_at: int | None, data_format: str) -> Statement:
    end = len(text) if settings_at is None else settings_at
    return Statement(Kind.INSERT, text[:end].decode(), data_format, text[end:].decode())


def _refuse_input(tokens: Iterator[_Token]) -> None:
    before = _END
    for token in tokens:
        if before.word == b"INPUT" and token.text == b"(":
            raise not_implemented("INSERT ... SELECT ... FROM input()")
        before = token


def _kind(tokens: list[_Token], top: list[_Token]) -> Kind:
    first = next((token for token in tokens if token.text != b"("), _END).word
    if first == b"WITH" and any(token.word == b"INTO" and before.word == b"INSERT" for before, token in pairwise(top)):
        return Kind.CHANGE
    if first in _SELECTS:
        return Kind.READ
    if first in _SHOWS:
        return Kind.SHOW
    return Kind.SESSION if first in _OF_THE_SESSION else Kind.CHANGE


def _format_clause(top: list[_Token]) -> int | None:
    """Find FORMAT as a clause: a name follows it, then nothing or SETTINGS."""
    for at in range(len(top) - 2, 0, -1):
        if top[at].word == b"FORMAT" and top[at + 1].kind in ("word", "name"):
            follows = top[at + 2].word if at + 2 < len(top) else b"SETTINGS"
            if follows == b"SETTINGS":
                return at
    return None
