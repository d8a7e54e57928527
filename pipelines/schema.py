"""The tables of the event store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

SQL = Path(__file__).parent / "sql"
TABLES = ("events", "interactions", "interactions_of_events", "decisions", "forgettings")
ADDED = (
    "ALTER TABLE events ADD COLUMN IF NOT EXISTS is_bot Bool DEFAULT false AFTER consent",
    "ALTER TABLE events ADD COLUMN IF NOT EXISTS is_internal Bool DEFAULT false AFTER is_bot",
)
"""What tables have that were made before it was thought of."""
_IS_OLD = """
    SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'events'
      AND NOT has(
          (SELECT groupArray(name) FROM system.columns WHERE database = currentDatabase() AND table = 'events'),
          'is_internal')
"""


def ensure_schema(client: Client) -> None:
    """Make the tables, columns and views that are missing; what exists is left as it is."""
    if client.query(_IS_OLD).result_rows[0][0]:
        for statement in ADDED:
            client.command(statement)
    for table in TABLES:
        client.command((SQL / f"{table}.sql").read_text())
