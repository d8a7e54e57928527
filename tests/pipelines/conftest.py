"""An outbox with somebody writing to it, and a relay to take it away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb
from pydantic import SecretStr

from foundation import clients
from foundation.ids import new_id
from foundation.settings import Settings
from pipelines.relay import Relay
from tests.relays import PatientRelay

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

TENANT = UUID("00000000-0000-7000-8000-00000000000a")
OTHER_TENANT = UUID("00000000-0000-7000-8000-00000000000b")
NOW = datetime.now(UTC).replace(microsecond=0)

INSERT = """
    INSERT INTO outbox (tenant_id, event_id, name, version, occurred_at, recorded_at, aggregate_id, shopper_id,
                        visitor_id, session_id, consent, payload)
    VALUES (%(tenant_id)s, %(event_id)s, %(name)s, 1, %(occurred_at)s, %(recorded_at)s, %(aggregate_id)s,
            %(shopper_id)s, %(visitor_id)s, %(session_id)s, %(consent)s, %(payload)s)
"""


@dataclass
class Writer:
    """Somebody who records facts, as the app's role does."""

    connection: psycopg.Connection[Any]

    def write(self, name: str = "view_item", *, tenant_id: UUID = TENANT, **given: Any) -> UUID:
        """One event, in the connection's transaction."""
        values = {
            "tenant_id": tenant_id,
            "event_id": new_id(),
            "name": name,
            "occurred_at": NOW,
            "recorded_at": NOW,
            "aggregate_id": new_id(),
            "shopper_id": None,
            "visitor_id": None,
            "session_id": None,
            "consent": ["analytics", "personalisation"],
            "payload": {"items": [{"item_id": str(new_id())}]},
        } | given
        self.connection.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(tenant_id),))
        self.connection.execute(INSERT, values | {"payload": Jsonb(values["payload"])})
        return UUID(str(values["event_id"]))


@pytest.fixture
def settings(database_urls: DatabaseUrls, clickhouse_database: str, valkey_url: str) -> Settings:
    settings = Settings(
        _env_file=None,
        database_url=SecretStr(database_urls.app),
        database_relay_url=SecretStr(database_urls.relay),
        clickhouse_url=SecretStr(clickhouse_database),
        redis_url=SecretStr(valkey_url),
    )
    with psycopg.connect(database_urls.owner, autocommit=True) as owner:
        for number, tenant in enumerate((TENANT, OTHER_TENANT)):
            owner.execute(
                "INSERT INTO tenant (id, slug, name, currency) VALUES (%s, %s, %s, 'USD')",
                (tenant, f"shop-{number}", f"Shop {number}"),
            )
    return settings


@pytest.fixture
def begin(database_urls: DatabaseUrls) -> Iterator[Callable[[], Writer]]:
    """Opens a transaction of its own each time; nothing is committed unless the test does."""
    opened: list[psycopg.Connection[Any]] = []

    def begin() -> Writer:
        opened.append(psycopg.connect(database_urls.app))
        return Writer(opened[-1])

    yield begin
    for connection in opened:
        connection.close()


@pytest.fixture
def writer(begin: Callable[[], Writer]) -> Writer:
    return begin()


@pytest.fixture
def relay(settings: Settings) -> Iterator[Relay]:
    relay = PatientRelay.connect(settings)
    yield relay
    relay.close()


@pytest.fixture
def rows(settings: Settings) -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
    """Asks ClickHouse."""
    client = clients.clickhouse(settings)

    def ask(query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in client.query(query).result_rows]

    yield ask
    client.close()


LONG_AGO = NOW - timedelta(days=90)
