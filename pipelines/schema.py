"""The tables of the event store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

SQL = Path(__file__).parent / "sql"
TABLES = ("events", "interactions", "interactions_of_events", "decisions", "forgettings")


def ensure_schema(client: Client) -> None:
    """Make the tables and views that are missing; what exists is left as it is."""
    for table in TABLES:
        client.command((SQL / f"{table}.sql").read_text())
