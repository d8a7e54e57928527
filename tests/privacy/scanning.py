"""Every word that a database holds, as somebody sees it who owns the files."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg
from psycopg import sql

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
