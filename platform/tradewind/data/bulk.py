"""Many rows at once into tables under row-level security.

Postgres refuses COPY into such a table, so rows are copied into a temporary one and inserted from there, where the
policies see them. The app's role does it, with the tenant set; the owner only lends it the right to temporary tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from time import perf_counter
from typing import LiteralString
from uuid import UUID

import polars as pl
import psycopg
from psycopg import sql

from foundation.database import TENANT_SETTING
from foundation.progress import Progress
from foundation.settings import Settings
from tradewind.data import room
from tradewind.data.report import LoadReport

BATCH = 100_000
PRODUCT = "product"
_NULL = "\\N"
_LOCK = 0x7261_6465


class Loader:
    """Writes frames into a tenant's tables, counting what was new."""

    def __init__(
        self, connection: psycopg.Connection, tenant_id: UUID, report: LoadReport, progress: Progress, total: int
    ) -> None:
        self.connection = connection
        self.tenant_id = tenant_id
        self.report = report
        self._progress = progress
        self._done = 0
        self._total = total

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, as the tenant."""
        with self.connection.transaction():
            self.connection.execute("SELECT set_config(%s, %s, true)", (TENANT_SETTING, str(self.tenant_id)))
            yield

    def insert(self, table: str, frame: pl.DataFrame, *, extra: Mapping[str, LiteralString] | None = None) -> int:
        """Insert the rows of `frame` that are not there yet; says how many those were.

        `extra` names columns of the frame that the table lacks, with their types: they are staged for later statements
        of the transaction, in the temporary table `staged_<table>`.

        Raises:
            NoRoom: these are products, and the tenant's plan has no room for so many.
        """
        start = perf_counter()
        extra = extra or {}
        columns = [name for name in frame.columns if name not in extra]
        self._stage(table, columns, extra)
        self._copy(table, frame)
        if table == PRODUCT:
            room.alone(self.connection, self.tenant_id)
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        done = self.connection.execute(
            sql.SQL(
                "INSERT INTO {table} (tenant_id, {names}) SELECT {tenant}, {names} FROM {staged} ON CONFLICT DO NOTHING"
            ).format(
                table=sql.Identifier(table), staged=_staged(table), names=names, tenant=sql.Literal(self.tenant_id)
            )
        )
        if table == PRODUCT:
            room.require(self.connection, self.tenant_id)
        self.report.add(table, frame.height, done.rowcount, perf_counter() - start)
        return done.rowcount

    def execute(self, table: str, statement: LiteralString, values: Mapping[str, object]) -> int:
        """Run an INSERT ... SELECT of the transaction's own rows and count them to `table`."""
        start = perf_counter()
        done = self.connection.execute(statement, values)
        self.report.add(table, done.rowcount, done.rowcount, perf_counter() - start)
        return done.rowcount

    def _stage(self, table: str, columns: list[str], extra: Mapping[str, LiteralString]) -> None:
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        self.connection.execute(
            sql.SQL(
                "CREATE TEMPORARY TABLE {staged} ON COMMIT DROP AS SELECT {names} FROM {table} WITH NO DATA"
            ).format(staged=_staged(table), names=names, table=sql.Identifier(table))
        )
        for name, kind in extra.items():
            self.connection.execute(
                sql.SQL("ALTER TABLE {} ADD COLUMN {} {}").format(_staged(table), sql.Identifier(name), sql.SQL(kind))
            )

    def _copy(self, table: str, frame: pl.DataFrame) -> None:
        statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, NULL {})").format(
            _staged(table), sql.SQL(", ").join(map(sql.Identifier, frame.columns)), sql.Literal(_NULL)
        )
        with self.connection.cursor() as cursor, cursor.copy(statement) as copy:
            for part in frame.iter_slices(BATCH):
                buffer = BytesIO()
                part.write_csv(buffer, include_header=False, null_value=_NULL)
                copy.write(buffer.getbuffer())
                self._done += part.height
                self._progress(self._done, self._total, table)


def _staged(table: str) -> sql.Identifier:
    return sql.Identifier(f"staged_{table}")


@contextmanager
def loading(settings: Settings) -> Iterator[psycopg.Connection]:
    """A connection as the app's role that may stage rows; one load at a time."""
    owner_url = settings.require("database_owner_url", "Postgres")
    app_url = settings.require("database_url", "Postgres")
    with psycopg.connect(app_url, autocommit=True) as app, psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        with _temporary_tables(owner, app.info.user, app.info.dbname):
            app.execute("SET timezone TO 'UTC'")
            app.execute("SET work_mem TO '128MB'")
            yield app


@contextmanager
def _temporary_tables(owner: psycopg.Connection, role: str, database: str) -> Iterator[None]:
    row = owner.execute("SELECT has_database_privilege(%s, %s, 'TEMPORARY')", (role, database)).fetchone()
    if row is not None and row[0]:
        yield
        return
    names = (sql.Identifier(database), sql.Identifier(role))
    owner.execute(sql.SQL("GRANT TEMPORARY ON DATABASE {} TO {}").format(*names))
    try:
        yield
    finally:
        owner.execute(sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM {}").format(*names))
