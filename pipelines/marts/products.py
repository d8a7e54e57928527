"""How products are called and where they are sorted: `mart_products`, the one table that is copied from the catalogue.

Events name products by id alone, and a report is read by people. A row says what holds now, not what held when
something was sold.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any
from uuid import UUID

import psycopg

from foundation import clients
from foundation.settings import Settings
from pipelines.tenants import database_of

TABLE = "mart_products"
BATCH = 50_000
COLUMNS: Mapping[str, tuple[str, str]] = {
    "product_id": ("UUID", "the product"),
    "title": ("String", "what it is called"),
    "brand": ("LowCardinality(String)", "its brand"),
    "category": ("LowCardinality(String)", "the category it is in"),
    "department": ("LowCardinality(String)", "the category at the top of that"),
    "vendor": ("LowCardinality(String)", "who sells it; of the shop's own, nothing"),
    "status": ("LowCardinality(String)", "draft, published or another state of the catalogue"),
}
"""Types of ClickHouse, and meanings."""
_MADE = f"""
    CREATE TABLE IF NOT EXISTS {TABLE}
    (tenant_id UUID, {", ".join(f"{name} {kind}" for name, (kind, _) in COLUMNS.items())}, version UInt64, gone UInt8)
    ENGINE = ReplacingMergeTree(version, gone)
    ORDER BY (tenant_id, product_id)
"""
_PRODUCTS = """
    SELECT p.id, p.title, coalesce(p.brand, ''), coalesce(c.name, ''), coalesce(top.name, ''), coalesce(v.name, ''),
           p.status
    FROM product p
    LEFT JOIN category c ON (c.tenant_id, c.id) = (p.tenant_id, p.category_id)
    LEFT JOIN category top ON (top.tenant_id, top.path) = (c.tenant_id, subpath(c.path, 0, 1))
    LEFT JOIN vendor v ON (v.tenant_id, v.id) = (p.tenant_id, p.vendor_id)
    WHERE p.tenant_id = %s
"""
_LATEST = f"SELECT max(version) FROM {TABLE} WHERE tenant_id = {{tenant_id:UUID}}"  # noqa: S608 - constants
_HIDE = f"""
    INSERT INTO {TABLE}
    SELECT * REPLACE ({{version:UInt64}} AS version, 1 AS gone) FROM {TABLE} FINAL
    WHERE tenant_id = {{tenant_id:UUID}} AND version < {{version:UInt64}}
"""  # noqa: S608 - constants


def copy(settings: Settings, tenant_id: UUID) -> int:
    """Write down how a tenant's products are called now; gives how many there are.

    Those that are no more are hidden after the others are written, so that none is missing for a while.

    Raises:
        EngineNotConfigured: Postgres or ClickHouse has no address.
    """
    client, values = clients.clickhouse(settings), {"tenant_id": str(tenant_id)}
    try:
        client.command(_MADE)
        version = max(int(time.time() * 1_000_000), client.query(_LATEST, values).result_rows[0][0] + 1)
        count = 0
        for rows in _batches(settings, tenant_id):
            data = [[tenant_id, *row, version, 0] for row in rows]
            client.insert(TABLE, data, column_names=["tenant_id", *COLUMNS, "version", "gone"])
            count += len(rows)
        client.command(_HIDE, {**values, "version": version})
    finally:
        client.close()
    return count


def _batches(settings: Settings, tenant_id: UUID) -> Iterator[Sequence[tuple[Any, ...]]]:
    with psycopg.connect(database_of(settings, tenant_id)) as connection:
        connection.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(tenant_id),))
        with connection.cursor("products") as cursor:
            cursor.itersize = BATCH
            found = iter(cursor.execute(_PRODUCTS, (tenant_id,)))
            while rows := list(islice(found, BATCH)):
                yield rows
