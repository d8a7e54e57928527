"""Does the event store say what the core says? Counts beside counts, payloads beside their contracts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson
import psycopg
from pydantic import ValidationError

from foundation import clients
from foundation.analytics import of_shop
from foundation.events import CONTRACTS
from foundation.settings import Settings
from pipelines.schema import ensure_schema
from pipelines.tenants import database_of

_ORDERS = "SELECT count(*) FROM orders WHERE placed_at < %s"
_ORDERS_DELIVERED = """
    SELECT uniqExact(aggregate_id) FROM events FINAL
    WHERE tenant_id = {tenant_id:UUID} AND name = 'order.placed'
      AND occurred_at < fromUnixTimestamp64Milli({before_ms:Int64}, 'UTC')
"""
_LATEST = """
    SELECT name, version, event_id, payload FROM events FINAL
    WHERE tenant_id = {tenant_id:UUID} AND NOT (event_id = aggregate_id AND empty(consent))
    ORDER BY occurred_at DESC LIMIT {sample:UInt32} BY name
"""


@dataclass(frozen=True, slots=True)
class Counted:
    """The same thing, counted on both sides."""

    in_postgres: int
    in_clickhouse: int

    @property
    def agree(self) -> bool:
        """Whether the two are one number."""
        return self.in_postgres == self.in_clickhouse


def orders(settings: Settings, tenant_id: UUID, *, before: datetime) -> Counted:
    """A tenant's orders placed before an instant: the core's rows, and the events about them.

    Raises:
        EngineNotConfigured: Postgres or ClickHouse has no address.
    """
    with psycopg.connect(database_of(settings, tenant_id)) as connection:
        connection.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(tenant_id),))
        row = connection.execute(_ORDERS, (before,)).fetchone()
    with of_shop(settings, tenant_id) as shop:
        delivered = shop.rows(_ORDERS_DELIVERED, {"before_ms": int(before.timestamp() * 1000)})
    return Counted(int(row[0]) if row else 0, int(delivered[0][0]))


def rows_of(settings: Settings, table: str) -> int:
    """How many different rows a table of the event store holds.

    Raises:
        EngineNotConfigured: ClickHouse has no address.
    """
    client = clients.clickhouse(settings)
    try:
        ensure_schema(client)
        parameters = {"table": table}
        return int(client.query("SELECT count() FROM {table:Identifier} FINAL", parameters).result_rows[0][0])
    finally:
        client.close()


def broken_contracts(settings: Settings, tenant_id: UUID, *, sample: int) -> Iterator[str]:
    """What is wrong with the latest `sample` events of each name; nothing, when all keep their contracts.

    Raises:
        EngineNotConfigured: ClickHouse has no address.
    """
    with of_shop(settings, tenant_id) as shop:
        latest = shop.rows(_LATEST, {"sample": sample})
    for name, version, event_id, payload in latest:
        contract = CONTRACTS.get((name, version))
        if contract is None:
            yield f"{event_id}: {name} version {version} has no contract"
            continue
        try:
            contract.model_validate(orjson.loads(payload))
        except ValidationError as fault:
            first = fault.errors()[0]
            yield f"{event_id}: {name}: {'.'.join(map(str, first['loc']))}: {first['msg']}"
