"""What belongs to a tenant in a database, as the catalogue of Postgres has it.

Nothing here knows a table's name, but those whose rows mean something only where they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import psycopg
from psycopg import sql

from commerce.leaving import owned

Connection = psycopg.Connection[Any]

DIRECTORY = ("tenant", "tenant_domain")
"""Rows that both databases have, each for itself."""
OF_THE_PLACE = {
    "outbox": ("xid", "seq"),
    "search_document": ("changed_in",),
    "webhook_cursor": ("xid", "seq"),
}
"""Columns that count the transactions of a database. Events get new ones in their old order; a cursor starts anew."""

OWN = sql.SQL("tenant_id = current_tenant()")
"""Said in every statement: of one table the schema's owner may see the rows of all tenants, by a policy of its own."""

_SEQUENCES = """
    SELECT a.attname, pg_get_serial_sequence(%(table)s, a.attname) FROM pg_attribute a
    WHERE a.attrelid = %(table)s::regclass AND a.attidentity <> '' AND NOT a.attisdropped
"""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of rows that are tenants'."""

    name: str
    columns: Sequence[str]
    """Those that are the same wherever a row is."""

    @property
    def identifier(self) -> sql.Identifier:
        """Its name in a statement."""
        return sql.Identifier(self.name)

    @property
    def listed(self) -> sql.Composed:
        """Its columns in a statement."""
        return sql.SQL(", ").join(map(sql.Identifier, self.columns))


@dataclass(frozen=True, slots=True)
class Figures:
    """How many rows of a tenant a table has, and what they come to: the same for the same rows in any order."""

    rows: int
    checksum: int


def tables_of(url: str) -> list[Table]:
    """Every table of tenants' rows in a database, each after those that its rows refer to."""
    return list(reversed([_table(one) for one in asyncio.run(_owned(url)) if one.name not in DIRECTORY]))


async def _owned(url: str) -> list[owned.Table]:
    connection = await asyncpg.connect(url)
    try:
        return await owned.tables(connection)
    finally:
        await connection.close()


def _table(found: owned.Table) -> Table:
    passed_over = OF_THE_PLACE.get(found.name, ())
    return Table(found.name, [column for column in found.columns if column not in passed_over])


def figures(connection: Connection, table: Table) -> Figures:
    """What the transaction's tenant has in a table."""
    statement = sql.SQL(
        "SELECT count(*), coalesce(sum(hashtextextended(ROW({})::text, 0)::numeric), 0) FROM {} WHERE {}"
    )
    row = connection.execute(statement.format(table.listed, table.identifier, OWN)).fetchone()
    return Figures(int(row[0]), int(row[1])) if row else Figures(0, 0)


def advance_sequences(connection: Connection, table: Table) -> None:
    """Let what is numbered next come after what the transaction's tenant has."""
    for column, sequence in connection.execute(_SEQUENCES, {"table": table.name}).fetchall():
        if column not in table.columns:
            continue
        statement = sql.SQL(
            "SELECT setval({sequence}::regclass, greatest(nextval({sequence}::regclass), m.highest)) "
            "FROM (SELECT max({column}) AS highest FROM {table}) m WHERE m.highest IS NOT NULL"
        )
        connection.execute(
            statement.format(sequence=sql.Literal(sequence), column=sql.Identifier(column), table=table.identifier)
        )


def remove(connection: Connection, tables: Sequence[Table]) -> int:
    """Take all that the transaction's tenant has out of a database, but for its rows of the directory; how many."""
    connection.execute("SELECT set_config('tradewind.removing', current_setting('tradewind.tenant_id'), true)")
    count = 0
    for table in reversed(tables):
        count += connection.execute(sql.SQL("DELETE FROM {} WHERE {}").format(table.identifier, OWN)).rowcount
    return count
