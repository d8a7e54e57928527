"""Every word that the engines, files and logs hold, as somebody sees it who owns them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from pypdf import PdfReader

_COLUMNS = """
    SELECT c.table_name, c.column_name, c.data_type = 'bytea' FROM information_schema.columns c
    JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' ORDER BY 1, 2
"""


def plain(superuser: str, words: Iterable[str]) -> set[tuple[str, str, str]]:
    """Where the database holds any of the words, whatever the case: table, column, word."""
    wanted = list(words)
    found: set[tuple[str, str, str]] = set()
    with psycopg.connect(superuser) as connection:
        for table, column, is_bytes in connection.execute(_COLUMNS).fetchall():
            name = sql.Identifier(column)
            # Bytes are read as what they spell, and as a document's escapes would have it.
            shown = sql.SQL("encode({}, 'escape')" if is_bytes else "CAST({} AS text)").format(name)
            statement = sql.SQL("SELECT DISTINCT w FROM {}, unnest(%s::text[]) w WHERE {} ILIKE '%%' || w || '%%'")
            rows = connection.execute(statement.format(sql.Identifier(table), shown), (wanted,)).fetchall()
            found |= {(table, column, word) for (word,) in rows}
    return found


def in_clickhouse(client: Any, words: Iterable[str]) -> set[tuple[str, str, str]]:
    """Where the event store holds any of the words: table, column, word."""
    wanted = list(words)
    columns = client.query(
        "SELECT table, name FROM system.columns WHERE database = currentDatabase()"
        " AND table IN (SELECT name FROM system.tables WHERE database = currentDatabase() AND engine NOT LIKE '%View')"
    ).result_rows
    found: set[tuple[str, str, str]] = set()
    for table, column in columns:
        held = client.query(
            "SELECT DISTINCT word FROM (SELECT toString({column:Identifier}) AS said FROM {table:Identifier})"
            " ARRAY JOIN {words:Array(String)} AS word WHERE positionCaseInsensitiveUTF8(said, word) > 0",
            {"table": table, "column": column, "words": wanted},
        ).result_rows
        found |= {(table, column, word) for (word,) in held}
    return found


def in_valkey(redis: Any, words: Iterable[str]) -> set[tuple[str, str]]:
    """Where the bytes of any key or its value hold any of the words: key, word. `redis` gives bytes."""
    return {
        (repr(key), word)
        for key in redis.scan_iter(count=1_000)
        for word in _held(key + repr(_value(redis, key)).encode() + _raw(_value(redis, key)), words)
    }


def _value(redis: Any, key: bytes) -> Any:
    match redis.type(key):
        case b"string":
            return redis.get(key)
        case b"hash":
            return redis.hgetall(key)
        case b"list":
            return redis.lrange(key, 0, -1)
        case b"set":
            return redis.smembers(key)
        case b"zset":
            return redis.zrange(key, 0, -1)
        case b"stream":
            return redis.xrange(key)
        case other:
            raise AssertionError(f"{key!r} is a {other!r}, which nobody knows how to read")


def _raw(value: Any) -> bytes:
    """The bytes within a value, one after the other."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, dict):
        return b"\0".join(_raw(part) for pair in value.items() for part in pair)
    return b"\0".join(_raw(part) for part in value) if isinstance(value, list | set | tuple) else b""


def in_qdrant(qdrant: Any, words: Iterable[str]) -> set[tuple[str, str]]:
    """Where an id or a payload holds any of the words: collection, word."""
    found: set[tuple[str, str]] = set()
    for collection in qdrant.get_collections().collections:
        place = None
        while True:
            points, place = qdrant.scroll(collection.name, limit=1_000, offset=place, with_payload=True)
            told = repr([(point.id, point.payload) for point in points]).encode()
            found |= {(collection.name, word) for word in _held(told, words)}
            if place is None:
                break
    return found


def in_files(folder: Path, words: Iterable[str]) -> set[tuple[str, str]]:
    """Where the name or the bytes of a file hold any of the words, or the text of a PDF does: path, word."""
    found: set[tuple[str, str]] = set()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name, content = str(path.relative_to(folder)), path.read_bytes()
            if content.startswith(b"%PDF"):
                content += "\n".join(page.extract_text() for page in PdfReader(path).pages).encode()
            found |= {(name, word) for word in _held(name.encode() + content, words)}
    return found


def in_text(text: str, words: Iterable[str]) -> set[str]:
    """Which of the words a text holds."""
    return _held(text.encode(), words)


def _held(content: bytes, words: Iterable[str]) -> set[str]:
    """Which of the words are in it, whatever the case; an id also as its sixteen bytes."""
    lower = content.lower()
    return {word for word in words if word.lower().encode() in lower or _id(word) in content}


def _id(word: str) -> bytes:
    try:
        return UUID(word).bytes
    except ValueError:
        return word.encode()
