"""Two shops on the same engines, each with a household of the same name: neither sees the other's rows at any layer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import polars as pl
import psycopg
import pytest
from feast.infra.utils.clickhouse import connection_utils
from psycopg import sql
from pydantic import SecretStr

from commerce.app import create_app
from features.compute import shopper_activity
from features.materialise import materialise, training_set
from features.online import OnlineShoppers
from foundation import clients, clock
from foundation.analytics import of_shop
from foundation.decisions import RecommendationRequest
from foundation.settings import Settings
from models.recommendation.dataset import from_clickhouse
from models.recommendation.register import register
from serving.champions import Champions
from serving.index import IndexUnavailable, Vectors
from serving.publish import publish
from serving.recommendations import Recommender
from serving.stock import SoldOut
from tests.engines.qdrant.conftest import KEY
from tests.factories import SeededShop, seed_shop
from tests.models.recommendation.conftest import shop as purchases_of_a_small_shop
from tests.relays import PatientRelay
from tests.serving.conftest import QUICK, qdrant_url
from tests.waiting import started

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

__all__ = ["qdrant_url"]

AGREEING = {"reference": "household-1", "consent": ["analytics", "personalisation"]}
TENANT_TABLES = """
    SELECT c.table_name FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE c.table_schema = 'public' AND c.column_name = 'tenant_id' AND t.table_type = 'BASE TABLE'
"""


@dataclass(frozen=True)
class Visited:
    """A shop in which a household bought one product and put another in the cart."""

    shop: SeededShop
    shopper: UUID
    bought: UUID
    wanted: UUID


@pytest.fixture
def settings(
    database_urls: DatabaseUrls, clickhouse_database: str, valkey_url: str, qdrant_url: str, tmp_path: Path
) -> Settings:
    connection_utils.thread_local.__dict__.clear()
    return Settings(
        _env_file=None,
        var_dir=tmp_path,
        database_url=SecretStr(database_urls.app),
        database_relay_url=SecretStr(database_urls.relay),
        clickhouse_url=SecretStr(clickhouse_database),
        redis_url=SecretStr(valkey_url),
        qdrant_url=qdrant_url,
        qdrant_api_key=SecretStr(KEY),
        mlflow_tracking_uri=f"sqlite:///{tmp_path}/mlflow.db",
    )


@pytest.fixture
async def shops(settings: Settings, database_urls: DatabaseUrls) -> AsyncIterator[tuple[Visited, Visited]]:
    """Both shops after a visit, their events delivered."""
    app = create_app(settings)
    async with started(app), AsyncExitStack() as stack:
        visited = []
        for slug in ("grocer", "fashion"):
            seeded = seed_shop(database_urls, slug)
            transport = httpx.ASGITransport(app=app)
            http = await stack.enter_async_context(
                httpx.AsyncClient(transport=transport, base_url=f"http://{seeded.host}")
            )
            visited.append(await _visit(http, seeded, database_urls))
        relay = PatientRelay.connect(settings)
        relay.deliver_all()
        relay.close()
        yield visited[0], visited[1]


async def _visit(http: httpx.AsyncClient, seeded: SeededShop, urls: DatabaseUrls) -> Visited:
    bought, wanted = seeded.products[:2]
    (await http.post("/v1/store/sessions", json=AGREEING)).raise_for_status()
    for product in (bought, wanted):
        cart = (await http.post("/v1/store/carts")).raise_for_status().json()
        line = {"variant_id": str(product.variant_id), "quantity": 1}
        (await http.post(f"/v1/store/carts/{cart['id']}/lines", json=line)).raise_for_status()
        if product is bought:
            payment = {"payment": {"provider": "test", "token": "tok_ok"}}
            key = {"Idempotency-Key": "the same in both shops"}
            answer = await http.post(f"/v1/store/carts/{cart['id']}/complete", json=payment, headers=key)
            answer.raise_for_status()
    with _as_tenant(urls, seeded.id) as connection:
        row = connection.execute("SELECT id FROM customer WHERE reference = 'household-1'").fetchone()
    assert row is not None
    return Visited(seeded, row[0], bought.product_id, wanted.product_id)


def _as_tenant(urls: DatabaseUrls, tenant_id: UUID) -> psycopg.Connection[Any]:
    connection = psycopg.connect(urls.app)
    connection.execute("SELECT set_config('tradewind.tenant_id', %s, false)", (str(tenant_id),))
    return connection


def test_postgres(shops: tuple[Visited, Visited], database_urls: DatabaseUrls) -> None:
    here, there = shops
    with _as_tenant(database_urls, here.shop.id) as connection:
        tables = [name for (name,) in connection.execute(TENANT_TABLES).fetchall()]
        seen = {}
        for table in tables:
            if table in {"outbox", "tenant_domain"}:
                continue
            statement = sql.SQL("SELECT DISTINCT tenant_id FROM {}").format(sql.Identifier(table))
            seen[table] = {tenant for (tenant,) in connection.execute(statement)}
    assert {"orders", "cart_line", "customer", "product", "idempotency_key"} <= {
        table for table, tenants in seen.items() if tenants == {here.shop.id}
    }
    assert all(tenants <= {here.shop.id} for tenants in seen.values())
    with psycopg.connect(database_urls.app) as nobody:
        assert nobody.execute("SELECT count(*) FROM orders").fetchone() == (0,)
    assert there.shop.id != here.shop.id


def test_clickhouse(shops: tuple[Visited, Visited], settings: Settings) -> None:
    here, there = shops
    client = clients.clickhouse(settings)
    rows = client.query("SELECT tenant_id, shopper_id, product_id FROM interactions FINAL").result_rows
    client.close()
    with of_shop(settings, here.shop.id) as shop:
        forgetful = shop.rows("SELECT DISTINCT tenant_id FROM events")
        purchases = from_clickhouse(shop, clock.now())
        activity = shopper_activity(shop, until=clock.now(), shoppers=[here.shopper, there.shopper])

    assert forgetful == [(here.shop.id,)]
    of_each = {visited.shop.id: {row[2] for row in rows if row[0] == visited.shop.id} for visited in shops}
    assert of_each == {visited.shop.id: {visited.bought, visited.wanted} for visited in shops}
    assert {(row[0], row[1]) for row in rows} == {(visited.shop.id, visited.shopper) for visited in shops}
    assert purchases["product_id"].to_list() == [str(here.bought)]
    assert activity["shopper_key"].to_list() == [f"{here.shop.id}:{here.shopper}"]


async def test_feast(shops: tuple[Visited, Visited], settings: Settings) -> None:
    here, there = shops
    for visited in shops:
        assert materialise(settings, visited.shop.id) == 1

    online = OnlineShoppers.connect(settings)
    own = await online.read(here.shop.id, here.shopper)
    assert own is not None
    assert {touch.product_id for touch in own.touches} == {str(here.bought), str(here.wanted)}
    assert await online.read(here.shop.id, there.shopper) is None
    assert await online.read(there.shop.id, here.shopper) is None
    await online.close()
    offline = training_set(
        settings, here.shop.id, [(shopper, here.bought, clock.now()) for shopper in (here.shopper, there.shopper)]
    )
    orders = dict(zip(offline["shopper_key"], offline["orders"], strict=True))
    assert orders == {f"{here.shop.id}:{here.shopper}": 1, f"{here.shop.id}:{there.shopper}": None}


async def test_qdrant_and_the_model_registry(
    shops: tuple[Visited, Visited], settings: Settings, tmp_path: Path
) -> None:
    here, there = shops
    names = {
        f"taste{taste}-{number}": str(UUID(int=taste * 100 + number + 1)) for taste in range(4) for number in range(8)
    }
    register(
        purchases_of_a_small_shop().with_columns(pl.col("product_id").replace_strict(names)),
        tenant_id=here.shop.id,
        tenant_slug=here.shop.slug,
        tracking_uri=settings.require("mlflow_tracking_uri", "MLflow"),
        artifact_location=(tmp_path / "artifacts").as_uri(),
        code_version="test",
        parameters=QUICK,
    )
    published = publish(settings, here.shop.id)
    champions = Champions.from_settings(settings)
    champions.refresh()
    redis, qdrant = clients.redis_async(settings), clients.qdrant_async(settings)
    vectors = Vectors(qdrant)
    shoppers = OnlineShoppers.connect(settings)

    points, _ = await qdrant.scroll(published.collection, limit=100)
    assert {(point.payload or {})["tenant_id"] for point in points} == {str(here.shop.id)}
    with pytest.raises(IndexUnavailable):
        await vectors.of(there.shop.id).nearest([UUID(int=1)], limit=5, exclude=[])
    recommender = Recommender(champions, shoppers, SoldOut(redis), vectors)
    request = RecommendationRequest(tenant_id=there.shop.id, placement="home", deadline_ms=5000)
    theirs = (await recommender.decide(request)).answer
    assert (theirs.fallback_reason, theirs.items) == ("no_model", [])
    for client in (shoppers, redis, qdrant):
        await (client.aclose() if client is redis else client.close())  # type: ignore[union-attr]


def test_the_cache(shops: tuple[Visited, Visited], settings: Settings) -> None:
    for visited in shops:
        materialise(settings, visited.shop.id)
    with clients.redis(settings.model_copy()) as redis:
        redis.connection_pool.connection_kwargs["decode_responses"] = False
        keys = [key if isinstance(key, bytes) else key.encode() for key in redis.scan_iter()]
    tenants = [str(visited.shop.id).encode() for visited in shops]
    shared = {key for key in keys if not any(tenant in key for tenant in tenants)}

    assert len(keys) > len(shared)
    # The one key that both share is the relay's queue, whose entries carry the tenant.
    assert shared == {b"tradewind:shoppers"}
    assert not [key for key in keys if all(tenant in key for tenant in tenants)]
