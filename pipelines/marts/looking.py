"""What a mart holds, as whoever watches over it sees it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from foundation import clients
from foundation.analytics import of_shop
from foundation.settings import Settings
from pipelines.marts.definition import Mart

_SIZE = """
    SELECT sum(bytes_on_disk) FROM system.parts
    WHERE database = currentDatabase() AND active AND table = {table:String}
"""


def preview(settings: Settings, tenant_id: UUID, mart: Mart, rows: int) -> str:
    """The latest rows of a tenant's mart, as a table in Markdown. Where rows are about people no id is shown: whoever
    keeps the preview could not forget it.

    Raises:
        EngineNotConfigured: ClickHouse has no address.
    """
    names = [name for name, column in mart.columns.items() if not mart.people or "UUID" not in column.type]
    query = f"""
        SELECT {", ".join(names)} FROM {mart.table} FINAL
        WHERE tenant_id = {{tenant_id:UUID}} ORDER BY {mart.time} DESC, {", ".join(mart.key)} LIMIT {{rows:UInt32}}
    """  # noqa: S608 - the definitions are ours
    with of_shop(settings, tenant_id) as shop:
        found = shop.rows(query, {"rows": rows})
    return "\n".join(["|".join(names), "|".join("---" for _ in names), *("|".join(map(str, row)) for row in found)])


def rows(settings: Settings, mart: Mart) -> int:
    """How many rows a mart has, of all tenants.

    Raises:
        EngineNotConfigured: ClickHouse has no address.
    """
    return _number(settings, "SELECT count() FROM {table:Identifier} FINAL", mart)


def size(settings: Settings, mart: Mart) -> int:
    """How many bytes its parts take on the disk, of all tenants.

    Raises:
        EngineNotConfigured: ClickHouse has no address.
    """
    return _number(settings, _SIZE, mart)


def _number(settings: Settings, query: str, mart: Mart) -> int:
    client = clients.clickhouse(settings)
    try:
        answer: Any = client.query(query, {"table": mart.table}).result_rows[0][0]
    finally:
        client.close()
    return int(answer)
