"""A tenant's rows from one database to another: all of them, of one moment, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from psycopg import sql

from tradewind.errors import StackError
from tradewind.relocating.tables import (
    OF_THE_PLACE,
    OWN,
    Connection,
    Figures,
    Table,
    advance_sequences,
    figures,
)

_IN_ORDER = {"outbox": sql.SQL(" ORDER BY xid, seq")}
# Postgres has no text for the lowest place but this.
_CURSOR = sql.SQL("INSERT INTO webhook_cursor (tenant_id, xid, seq) SELECT tenant_id, '0'::xid8, -1 FROM moved")


class CopyDiffers(StackError):
    """What arrived is not what was sent."""

    def __init__(self, table: str, sent: Figures, arrived: Figures) -> None:
        super().__init__(
            f"{table}: {sent.rows} rows were sent and {arrived.rows} arrived, or not the same ones. Nothing was moved."
        )


def as_tenant(connection: Connection, tenant_id: UUID) -> None:
    """Let the transaction see and write a tenant's rows, in the same words in both databases."""
    connection.execute(
        "SELECT set_config('tradewind.tenant_id', %s, true), set_config('TimeZone', 'UTC', true)", (str(tenant_id),)
    )


def copy(source: Connection, target: Connection, tables: Sequence[Table]) -> Mapping[str, Figures]:
    """Copy all rows of the transactions' tenant, table by table, and compare what arrived; says what there is.

    `source` is in one snapshot and `target` in one transaction: until that commits nothing is there. Events keep their
    order and are delivered from there as well. Webhooks read them all again, and queue none twice.

    Raises:
        CopyDiffers.
    """
    target.execute("SELECT set_config('tradewind.arriving', 'true', true)")
    copied: dict[str, Figures] = {}
    for table in tables:
        _copy(source, target, table)
        advance_sequences(target, table)
        sent, arrived = figures(source, table), figures(target, table)
        if sent != arrived:
            raise CopyDiffers(table.name, sent, arrived)
        copied[table.name] = sent
    return copied


def _copy(source: Connection, target: Connection, table: Table) -> None:
    shape = sql.SQL("CREATE TEMPORARY TABLE moved ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA")
    target.execute(shape.format(table.listed, table.identifier))
    out = sql.SQL("COPY (SELECT {} FROM {} WHERE {}{}) TO STDOUT (FORMAT BINARY)").format(
        table.listed, table.identifier, OWN, _IN_ORDER.get(table.name, sql.SQL(""))
    )
    # Not straight into the table: COPY takes no rows into one that is under row-level security.
    with (
        source.cursor() as reading,
        target.cursor() as writing,
        reading.copy(out) as sent,
        writing.copy("COPY moved FROM STDIN (FORMAT BINARY)") as taken,
    ):
        for data in sent:
            taken.write(data)
    target.execute(_CURSOR if table.name == "webhook_cursor" else _insert(table))
    target.execute("DROP TABLE moved")


def _insert(table: Table) -> sql.Composed:
    given = sql.SQL("") if table.name in OF_THE_PLACE else sql.SQL("OVERRIDING SYSTEM VALUE ")
    return sql.SQL("INSERT INTO {} ({}) {}SELECT {} FROM moved").format(
        table.identifier, table.listed, given, table.listed
    )
