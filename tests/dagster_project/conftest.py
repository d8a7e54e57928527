"""A small shop's purchases in Postgres and in the event store, and the engines the whole line runs on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psycopg
import pytest
from feast.infra.utils.clickhouse import connection_utils

from foundation import clients
from foundation.events import OrderLine, OrderPlaced
from foundation.settings import Settings
from pipelines.schema import ensure_schema
from tests.engines.qdrant.conftest import KEY
from tests.models.recommendation.conftest import END, shop
from tests.serving.conftest import qdrant_url

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

__all__ = ["qdrant_url"]

TENANT = UUID("00000000-0000-7000-8000-00000000000a")
EMPTY_TENANT = UUID("00000000-0000-7000-8000-00000000000b")
ORDER = """
    INSERT INTO orders (tenant_id, id, number, status, currency, subtotal, discount, shipping, tax, total, placed_at)
    VALUES (%s, %s, %s, 'delivered', 'USD', %s, 0, 0, 0, %s, %s)
"""
LINES = """
    WITH thing AS (
        INSERT INTO category (tenant_id, id, path, name, slug, depth, product_count)
        VALUES (%(tenant)s, %(id)s, 'things', 'Things', 'things', 0, 0) RETURNING id),
    sold AS (
        INSERT INTO product (tenant_id, id, category_id, handle, title)
        SELECT %(tenant)s, id, id, 'thing', 'Thing' FROM thing RETURNING id),
    kind AS (
        INSERT INTO variant (tenant_id, id, product_id, sku) SELECT %(tenant)s, id, id, 'THING' FROM sold RETURNING id)
    INSERT INTO order_line (tenant_id, id, order_id, product_id, variant_id, sku, title, quantity, unit_price, discount,
                            total)
    SELECT o.tenant_id, gen_random_uuid(), o.id, kind.id, kind.id, 'THING', 'Thing', 1, 100, 0, 100
    FROM kind, orders o, generate_series(1, o.total / 100) WHERE o.tenant_id = %(tenant)s
"""
COLUMNS = ("tenant_id", "name", "occurred_at", "event_id", "version", "recorded_at", "aggregate_id", "shopper_id")


@pytest.fixture
def settings(
    database_urls: DatabaseUrls,
    clickhouse_database: str,
    valkey_url: str,
    qdrant_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    """The settings, also in the environment, where a run finds them."""
    connection_utils.thread_local.__dict__.clear()
    given = {
        "DATABASE_URL": database_urls.app,
        "DATABASE_RELAY_URL": database_urls.relay,
        "CLICKHOUSE_URL": clickhouse_database,
        "REDIS_URL": valkey_url,
        "QDRANT_URL": qdrant_url,
        "QDRANT_API_KEY": KEY,
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db",
        "OBJECTS_URL": f"file://{tmp_path}/objects",
        "VAR_DIR": str(tmp_path),
    }
    for name, value in given.items():
        monkeypatch.setenv(f"TRADEWIND_{name}", value)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dagster").mkdir()
    with psycopg.connect(database_urls.owner, autocommit=True) as owner:
        for tenant, slug in ((TENANT, "grocer"), (EMPTY_TENANT, "fashion")):
            owner.execute(
                "INSERT INTO tenant (id, slug, name, currency) VALUES (%s, %s, %s, 'USD')", (tenant, slug, slug)
            )
    return Settings(_env_file=None)


@pytest.fixture
def client(settings: Settings) -> Iterator[Any]:
    client = clients.clickhouse(settings)
    ensure_schema(client)
    yield client
    client.close()


@pytest.fixture
def year(settings: Settings, client: Any) -> int:
    """Twelve weeks of eighty shoppers, in both stores; says how many orders."""
    return a_year(settings, client, TENANT)


def a_year(settings: Settings, client: Any, tenant: UUID) -> int:
    """`year`, of any tenant."""
    shift = datetime.now(UTC) - timedelta(days=1) - END
    products = {f"taste{taste}-{number}": uuid4() for taste in range(4) for number in range(8)}
    orders = shop().group_by("shopper_key", "occurred_at").all()
    rows = []
    with psycopg.connect(settings.require("database_url", "Postgres")) as connection:
        connection.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(tenant),))
        shoppers = {key: uuid4() for key in sorted(set(orders["shopper_key"]))}
        for number, (shopper, at, bought, _) in enumerate(orders.rows()):
            order_id, placed_at = uuid4(), at + shift
            amount = 100 * len(bought)
            connection.execute(ORDER, (tenant, order_id, f"T{number}", amount, amount, placed_at))
            payload = an_order([products[name] for name in bought], order_id)
            rows.append(
                [tenant, "order.placed", placed_at, uuid4(), 1, placed_at, order_id, shoppers[shopper], payload]
            )
        connection.execute(LINES, {"tenant": tenant, "id": uuid4()})
    client.insert(
        "events",
        [[*row, ["personalisation"], row[2]] for row in rows],
        column_names=[*COLUMNS, "payload", "consent", "delivered_at"],
    )
    return len(rows)


def an_order(products: list[UUID], order_id: UUID) -> str:
    """An order's payload, as its contract has it."""
    lines = [
        OrderLine(
            line_id=uuid4(), product_id=product, variant_id=uuid4(), quantity=1, unit_price=100, discount=0, total=100
        )
        for product in products
    ]
    total = 100 * len(lines)
    return OrderPlaced(
        order_id=order_id, currency="USD", subtotal=total, discount=0, shipping=0, tax=0, total=total, lines=lines
    ).model_dump_json(exclude_none=True)
