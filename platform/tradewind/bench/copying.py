"""What Postgres alone takes for the rows that an import made: by COPY, and by statements that spare nothing.

COPY is done by a superuser, into tables with the same indexes and without foreign keys or triggers. The floor is one
`INSERT ... SELECT` a table out of tables that hold the very rows, by the app's role: with foreign keys, triggers and
row-level security, and without anything that reads, checks or sends a product.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString
from uuid import UUID

import psycopg
from psycopg import sql

from foundation.database import TENANT_SETTING
from tradewind.bench import cpu
from tradewind.engines.postgres import APP, DATABASE, SUPERUSER, PostgresServer

TABLES: tuple[LiteralString, ...] = (
    "product",
    "variant",
    "price",
    "price_change",
    "price_period",
    "product_version",
    "search_document",
    "outbox",
)
"""Whose rows an import of new products makes."""


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds by the clock, of this process's processor time, and of Postgres's."""

    seconds: float
    own: float
    postgres: float

    @property
    def cpu(self) -> float:
        """Processor time of both."""
        return self.own + self.postgres


class Watch:
    """Counts what is done within `running`, again and again."""

    def __init__(self, server: PostgresServer) -> None:
        self._pids = [server.pid] if server.pid is not None else []
        self._seconds = self._own = self._postgres = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """While what is counted goes on."""
        began, own, postgres = time.perf_counter(), time.process_time(), cpu.seconds(self._pids)
        yield
        self._seconds += time.perf_counter() - began
        self._own += time.process_time() - own
        self._postgres += cpu.seconds(self._pids) - postgres

    @property
    def took(self) -> Took:
        """All of it so far."""
        return Took(self._seconds, self._own, self._postgres)


def copied(server: PostgresServer, folder: Path) -> tuple[int, Took]:
    """How many rows the tables have, and what COPY takes for them."""
    rows, watch = 0, Watch(server)
    with psycopg.connect(server.url(SUPERUSER, DATABASE), autocommit=True) as connection:
        connection.execute("CREATE SCHEMA raw")
        for table in TABLES:
            named = {"table": sql.Identifier(table), "columns": _columns(connection, table)}
            file = folder / f"{table}.copy"
            _read(connection, sql.SQL("COPY public.{table} ({columns}) TO STDOUT").format(**named), file)
            connection.execute(sql.SQL("CREATE TABLE raw.{table} (LIKE public.{table} INCLUDING ALL)").format(**named))
            with watch.running():
                rows += _write(connection, sql.SQL("COPY raw.{table} ({columns}) FROM STDIN").format(**named), file)
    return rows, watch.took


def floor(server: PostgresServer, tenant_id: UUID) -> Took:
    """What the rows of `copied` take when they are put back where an import put them; nothing else is left there."""
    with psycopg.connect(server.url(SUPERUSER, DATABASE), autocommit=True) as connection:
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA raw TO {}").format(sql.Identifier(APP)))
        connection.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA raw TO {}").format(sql.Identifier(APP)))
        connection.execute("SET session_replication_role = replica")  # else what may only be added to could not be
        tables = sql.SQL(", ").join(sql.Identifier("public", table) for table in TABLES)
        connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(tables))
        columns = {table: _columns(connection, table) for table in TABLES}
    watch = Watch(server)
    with psycopg.connect(server.url(APP, DATABASE)) as connection, watch.running():
        connection.execute("SELECT set_config(%s, %s, true)", (TENANT_SETTING, str(tenant_id)))
        for table, named in columns.items():
            into = sql.SQL("INSERT INTO public.{} ({}) OVERRIDING SYSTEM VALUE").format(sql.Identifier(table), named)
            connection.execute(into + sql.SQL(" SELECT {} FROM raw.{}").format(named, sql.Identifier(table)))
        connection.commit()
    return watch.took


def _read(connection: psycopg.Connection, statement: sql.Composed, file: Path) -> None:
    with file.open("wb") as out, connection.cursor() as cursor, cursor.copy(statement) as copy:
        for piece in copy:
            out.write(piece)


def _write(connection: psycopg.Connection, statement: sql.Composed, file: Path) -> int:
    with file.open("rb") as source, connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            while piece := source.read(2**20):
                copy.write(piece)
        return cursor.rowcount


def _columns(connection: psycopg.Connection, table: str) -> sql.Composed:
    found = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
        " AND attgenerated = '' ORDER BY attnum",
        (f"public.{table}",),
    )
    return sql.SQL(", ").join(sql.Identifier(row[0]) for row in found)
