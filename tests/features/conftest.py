"""An event store with what shoppers did in it, and an online store to put features in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import orjson
import pytest
from feast import FeatureStore
from feast.infra.utils.clickhouse import connection_utils
from pydantic import SecretStr

from features.compute import ensure_schema
from features.store import apply
from foundation import clients
from foundation.settings import Settings
from pipelines.schema import ensure_schema as ensure_event_schema

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

TENANT = UUID("00000000-0000-7000-8000-00000000000a")
OTHER_TENANT = UUID("00000000-0000-7000-8000-00000000000b")
SHOPPER = UUID("00000000-0000-7000-8000-000000000001")
APPLE, BREAD, CHEESE = (UUID(int=number) for number in (11, 12, 13))
NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)

COLUMNS = [
    "tenant_id",
    "name",
    "occurred_at",
    "event_id",
    "version",
    "recorded_at",
    "aggregate_id",
    "shopper_id",
    "consent",
    "payload",
    "delivered_at",
]


@dataclass
class Shop:
    """Where shoppers do things."""

    client: Client

    def happen(
        self,
        name: str,
        *products: UUID,
        at: datetime = NOW,
        known_at: datetime | None = None,
        shopper: UUID = SHOPPER,
        tenant: UUID = TENANT,
        event: UUID | None = None,
        quantity: int = 1,
    ) -> None:
        """An event, delivered when it happened unless told otherwise."""
        key = "product_id" if name == "order.placed" else "item_id"
        lines = [{key: str(product), "quantity": quantity} for product in products]
        payload = orjson.dumps({"lines" if name == "order.placed" else "items": lines}).decode()
        row = [
            tenant,
            name,
            at,
            event or uuid4(),
            1,
            at,
            uuid4(),
            shopper,
            ["personalisation"],
            payload,
            known_at or at,
        ]
        self.client.insert("events", [row], column_names=COLUMNS)


@pytest.fixture
def settings(clickhouse_database: str, valkey_url: str, tmp_path: Path) -> Settings:
    # Feast keeps one client a thread, whatever store it belongs to.
    connection_utils.thread_local.__dict__.clear()
    return Settings(
        _env_file=None, clickhouse_url=SecretStr(clickhouse_database), redis_url=SecretStr(valkey_url), var_dir=tmp_path
    )


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    client = clients.clickhouse(settings)
    ensure_event_schema(client)
    ensure_schema(client)
    yield client
    client.close()


@pytest.fixture
def shop(client: Client) -> Shop:
    return Shop(client)


@pytest.fixture
def store(settings: Settings, client: Any) -> FeatureStore:
    return apply(settings)
