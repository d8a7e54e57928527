"""The tables that hold a shop's rows, as the catalogue of Postgres has them, so that no table can be forgotten.

Whatever has a column `tenant_id` is the tenant's, and so is its row of the directory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

import asyncpg

DIRECTORY = "tenant"
_OWNER = "tenant_id"

_TABLES = """
    SELECT c.oid, c.relname::text AS name,
           ARRAY(SELECT a.attname::text FROM pg_attribute a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum) AS columns,
           ARRAY(SELECT a.attname::text FROM pg_index i
                 CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
                 JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
                 WHERE i.indrelid = c.oid AND i.indisprimary ORDER BY k.place) AS key
    FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND (c.relname = 'tenant' OR EXISTS (
          SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped))
    ORDER BY c.relname
"""
_REFERENCES = """
    SELECT f.conrelid AS child, f.confrelid AS parent,
           ARRAY(SELECT a.attname::text FROM unnest(f.conkey) WITH ORDINALITY AS k (attnum, place)
                 JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.attnum ORDER BY k.place) AS here,
           ARRAY(SELECT a.attname::text FROM unnest(f.confkey) WITH ORDINALITY AS k (attnum, place)
                 JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.attnum ORDER BY k.place) AS there
    FROM pg_constraint f WHERE f.contype = 'f'
"""


@dataclass(frozen=True, slots=True)
class Reference:
    """How a row of a table refers to another one of the same table."""

    here: tuple[str, ...]
    there: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with rows of tenants."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    """The columns of its primary key."""
    own: tuple[Reference, ...] = ()

    @property
    def owner(self) -> str:
        """The column that says whose a row is."""
        return "id" if self.name == DIRECTORY else _OWNER


async def tables(connection: asyncpg.Connection) -> list[Table]:
    """Every table with rows of tenants, each before those that its rows refer to: the order in which they can go.

    Raises:
        graphlib.CycleError: tables refer to each other in a circle, so that no order is right.
    """
    found = {row["oid"]: row for row in await connection.fetch(_TABLES)}
    references = [row for row in await connection.fetch(_REFERENCES) if {row["child"], row["parent"]} <= found.keys()]
    sorter: TopologicalSorter[int] = TopologicalSorter(dict.fromkeys(found, ()))
    for reference in references:
        if reference["child"] != reference["parent"]:
            sorter.add(reference["parent"], reference["child"])
    return [_table(found[oid], references) for oid in sorter.static_order()]


def _table(row: asyncpg.Record, references: Sequence[asyncpg.Record]) -> Table:
    own = tuple(
        Reference(tuple(one["here"]), tuple(one["there"]))
        for one in references
        if one["child"] == one["parent"] == row["oid"]
    )
    return Table(row["name"], tuple(row["columns"]), tuple(row["key"]), own)


def quoted(name: str) -> str:
    """An identifier of the catalogue, as it may stand in a statement."""
    return '"' + name.replace('"', '""') + '"'
