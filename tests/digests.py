"""What is in the tables of shops, in short: to see that nothing changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

Digests = Mapping[str, str | None]
"""Table -> what is in it; `None`: nothing."""


def tables_of_shops(connection: psycopg.Connection[Any]) -> list[str]:
    """What belongs to a shop; but what counts wrong guesses and requests, which has to change."""
    rows = connection.execute(
        "SELECT table_name FROM information_schema.columns WHERE column_name = 'tenant_id' AND table_schema = 'public'"
        " AND table_name !~ 'guess|throttl|tenant_domain' ORDER BY table_name"
    )
    return [name for (name,) in rows]


class Looking:
    """Looks at what shops have, over and over, on a connection that commits by itself; but at when a key was last used."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._query = (
            sql.SQL(" UNION ALL ")
            .join(
                sql.SQL(
                    "SELECT {}, md5(string_agg((to_jsonb(t) - 'last_used_at')::text, '' ORDER BY t::text)) FROM {} t"
                ).format(sql.Literal(name), sql.Identifier(name))
                for name in tables_of_shops(connection)
            )
            .as_string(connection)
        )

    def at(self, tenant_id: UUID) -> Digests:
        """What a shop has."""
        self._connection.execute("SELECT set_config('tradewind.tenant_id', %s, false)", (str(tenant_id),))
        return dict(self._connection.execute(self._query, prepare=True).fetchall())


def changed(before: Digests, after: Digests) -> list[str]:
    """The tables in which not the same is."""
    return sorted(table for table in before if before[table] != after.get(table))
