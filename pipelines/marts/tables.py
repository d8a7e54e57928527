"""The marts' tables in ClickHouse, as their headers have them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pipelines.marts.definition import Mart

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

BUILDS = """
    CREATE TABLE IF NOT EXISTS mart_builds
    (
        tenant_id UUID,
        mart      LowCardinality(String),
        day       Date,
        events    UInt64,
        mark      UInt64,
        definition LowCardinality(String),
        zone      LowCardinality(String),
        version   UInt64,
        rows      UInt64,
        built_at  DateTime64(3, 'UTC') DEFAULT now64(3)
    )
    ENGINE = ReplacingMergeTree(version)
    ORDER BY (tenant_id, mart, day)
"""
"""Of which events each day of each mart was made, by their number and mark; a mart without days has the day 0."""
SEEN = """
    CREATE TABLE IF NOT EXISTS mart_seen
    (
        tenant_id UUID,
        mart      LowCardinality(String),
        seen_at   DateTime64(3, 'UTC')
    )
    ENGINE = ReplacingMergeTree(seen_at)
    ORDER BY (tenant_id, mart)
"""
"""Up to when a mart has what was delivered, whether anything had changed or not."""
_DEFINED = """
    SELECT name, comment FROM system.tables WHERE database = currentDatabase() AND startsWith(name, 'mart_')
"""


def create(mart: Mart) -> str:
    """The statement that makes a mart's table.

    A row is replaced by one of a later `version`; one that is `gone` hides what was there. The tenant comes first.
    """
    columns = "".join(f"    {name} {column.type},\n" for name, column in mart.columns.items())
    partitions = "PARTITION BY toYYYYMM(day)\n" if mart.is_by_day else ""
    return (
        f"CREATE TABLE IF NOT EXISTS {mart.table}\n(\n    tenant_id UUID,\n{columns}"
        f"    version UInt64,\n    gone UInt8\n)\nENGINE = ReplacingMergeTree(version, gone)\n{partitions}"
        f"ORDER BY (tenant_id, {', '.join(mart.key)})\nCOMMENT '{mart.version}'"
    )


def ensure(client: Client, marts: Iterable[Mart]) -> None:
    """Make the tables of marts that are missing, or were made by another definition; they are empty then."""
    client.command(BUILDS)
    client.command(SEEN)
    made = {str(table): definition for table, definition in client.query(_DEFINED).result_rows}
    for mart in marts:
        if mart.table in made and made[mart.table] != mart.version:
            client.command(f"DROP TABLE {mart.table} SYNC")
        if made.get(mart.table) != mart.version:
            client.command(create(mart))
