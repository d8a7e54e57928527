"""A request that reads for one tenant sees that tenant's rows: what row policies do on a server.

The engine as a library has one user and no place for policies. It has filters that it adds to every read of a table,
and a mode in which no statement can take them off again.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson

from tradewind.engines.clickhouse.errors import QueryFailed, not_implemented
from tradewind.engines.clickhouse.request import Query
from tradewind.engines.clickhouse.sessions import quoted
from tradewind.engines.clickhouse.sql import calls

_TABLES = """
    SELECT database, table FROM system.columns
    WHERE name = 'tenant_id' AND database NOT IN ('system', 'INFORMATION_SCHEMA', 'information_schema')
"""
_PAST_FILTERS = "merge"
"""How the table functions begin that read a table's rows or its index without the filters."""


def require_confinable(query: Query) -> None:
    """Refuse what couldn't be held to one tenant.

    Raises:
        QueryFailed: it changes something, runs in a session, names no tenant's id, or reads around the filters.
    """
    if not query.statement.kind.gives_rows:
        raise QueryFailed(164, "READONLY", "Cannot execute query in readonly mode: a tenant's rows are only read here")
    if query.session is not None:
        raise not_implemented("sessions of a tenant's reader")
    if query.tenant:
        _id_of(query.tenant)
    if calls(query.statement.text, _PAST_FILTERS):
        raise QueryFailed(497, "ACCESS_DENIED", "Not enough privileges: this table function reads past row policies")


def confine(connection: Any, tenant: str) -> None:
    """From here on the connection sees the rows of a tenant alone (of none, when it is empty), and only reads."""
    owner = str(_id_of(tenant)) if tenant else ""
    condition = quoted(f"tenant_id = toUUIDOrNull({quoted(owner)})")
    rows = connection.query(_TABLES, "JSONCompactEachRow").bytes().splitlines()
    tables = [".".join(orjson.loads(row)) for row in rows]
    filters = ", ".join(f"{quoted(table)}: {condition}" for table in tables)
    connection.query(f"SET additional_table_filters = {{{filters}}}")
    connection.query("SET readonly = 1")


def _id_of(tenant: str) -> UUID:
    try:
        return UUID(tenant)
    except ValueError:
        raise QueryFailed(376, "CANNOT_PARSE_UUID", f"Cannot parse UUID of a tenant: {tenant!r}") from None
