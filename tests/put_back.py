"""A database that a test is done with, put back to what it was: a fraction of what another copy costs.

Postgres counts the rows that each table had written to it. What was written to is emptied, and what was in it from the
beginning is written anew. A database whose structure a test changed is not put back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

MOST = 60
"""How often one is put back: what is deleted takes room until then."""
_PATIENCE_MS = 5_000
_CATALOGUES = (
    *("pg_attrdef", "pg_attribute", "pg_class", "pg_constraint", "pg_extension", "pg_index", "pg_namespace"),
    *("pg_policy", "pg_proc", "pg_rewrite", "pg_trigger", "pg_type"),
)
# A row that was changed has a later xmin, and one that was deleted is missing.
_STRUCTURE = " UNION ALL ".join(f"SELECT count(*), max(xmin::text::bigint) FROM {name}" for name in _CATALOGUES)
_TABLES = """
    SELECT format('%I.%I', n.nspname, c.relname) AS name, c.oid,
           pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid) + pg_stat_get_tuples_deleted(c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""
_COLUMNS = """
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
    WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""
_SEQUENCES = "SELECT format('%I.%I', schemaname, sequencename), start_value, last_value FROM pg_sequences ORDER BY 1"
_LEAVE = "SELECT bool_and(pg_terminate_backend(pid, %s)) FROM pg_stat_activity WHERE datname = %s AND pid <> %s"


@dataclass(slots=True)
class PutBack:
    """A copy of a template, and how to put it back to that."""

    name: str
    _connection: psycopg.Connection[Any]
    _structure: Sequence[Any]
    _sequences: Sequence[Any]
    _rows: Mapping[str, tuple[str, bytes]]
    """Of each table that is not empty: its columns, and what is in it as COPY writes it."""
    _written: dict[str, int] = field(default_factory=dict)
    _times: int = 0

    @classmethod
    def of(cls, name: str, url: str) -> PutBack:
        """A copy that was just made; `url` is its superuser's."""
        connection = psycopg.connect(url, autocommit=True)
        connection.execute("SET session_replication_role = replica")  # neither triggers nor foreign keys
        rows = {}
        for table, oid, _ in connection.execute(f"{_TABLES} AND pg_relation_size(c.oid) > 0").fetchall():
            columns = connection.execute(_COLUMNS, (oid,)).fetchone()[0]
            with connection.cursor().copy(f"COPY {table} ({columns}) TO STDOUT") as copy:
                rows[table] = (columns, b"".join(bytes(part) for part in copy))
        structure, sequences = connection.execute(_STRUCTURE).fetchall(), connection.execute(_SEQUENCES).fetchall()
        return cls(name, connection, structure, sequences, rows)

    def again(self) -> bool:
        """Put it back; `False` where that can't be done, or was done often enough."""
        self._times += 1
        if self._times > MOST:
            return False
        try:
            return self._left_alone() and self._restored()
        except psycopg.Error:
            return False

    def close(self) -> None:
        """Let go of the connection: a database in use isn't dropped."""
        self._connection.close()

    def _left_alone(self) -> bool:
        """Whether nobody is connected to it any more; what they wrote is counted when they have left."""
        mine = self._connection.info.backend_pid
        left = self._connection.execute(_LEAVE, (_PATIENCE_MS, self.name, mine)).fetchone()
        return left is None or left[0] is not False

    def _restored(self) -> bool:
        if self._connection.execute(_STRUCTURE).fetchall() != self._structure:
            return False
        changed = [name for name, written in self._counted().items() if written != self._written.get(name, 0)]
        with self._connection.transaction():
            if changed:
                self._connection.execute("; ".join(f"DELETE FROM {name}" for name in changed))
            for name in changed:
                self._refill(name)
            for name, start, last in self._sequences:
                self._connection.execute("SELECT setval(%s, %s, %s)", (name, last or start, last is not None))
        self._connection.execute("SELECT pg_stat_force_next_flush()")
        self._written = self._counted()
        return True

    def _counted(self) -> dict[str, int]:
        return {name: written for name, _, written in self._connection.execute(_TABLES).fetchall()}

    def _refill(self, table: str) -> None:
        if table in self._rows:
            columns, content = self._rows[table]
            with self._connection.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                copy.write(content)
