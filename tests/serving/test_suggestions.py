"""From the catalogue and the events to what a tenant's shop suggests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import orjson
import psycopg
import pytest
from pydantic import SecretStr

from foundation import clients, clock, objects
from foundation.settings import Settings
from foundation.suggestions import Suggestions, SuggestionsRequest
from models.search.completion import Kind
from pipelines.schema import ensure_schema
from serving.suggesting import Suggesting, stored_at
from serving.suggestion_building import build, keep_only
from tests.factories import SeededShop, seed_shop

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

COLUMNS = ("tenant_id", "name", "occurred_at", "event_id", "visitor_id", "session_id", "consent", "payload")


@pytest.fixture
def settings(database_urls: DatabaseUrls, clickhouse_database: str, valkey_url: str, tmp_path: Path) -> Settings:
    settings = Settings(
        _env_file=None,
        var_dir=tmp_path / "var",
        objects_url=f"file://{tmp_path}/objects",
        database_url=SecretStr(database_urls.app),
        clickhouse_url=SecretStr(clickhouse_database),
        redis_url=SecretStr(valkey_url),
    )
    client = clients.clickhouse(settings)
    ensure_schema(client)
    client.close()
    return settings


@pytest.fixture
async def suggesting(settings: Settings) -> AsyncIterator[Suggesting]:
    redis = clients.redis_async(settings)
    yield Suggesting.from_settings(settings, redis)
    await redis.aclose()


@pytest.fixture
def shop(database_urls: DatabaseUrls) -> SeededShop:
    return seed_shop(database_urls, "gadgets", titles=("Laptop bag", "Wireless mouse", "Laptop 15 inch"))


def change(urls: DatabaseUrls, shop: SeededShop, statement: str, *values: object) -> None:
    with psycopg.connect(urls.app) as app:
        app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(shop.id),))
        app.execute(statement, values)


def searched(settings: Settings, tenant_id: UUID, query: str, people: int) -> None:
    told = orjson.dumps({"search_term": query, "results": 3}).decode()
    rows = [(tenant_id, "search", clock.now(), uuid4(), uuid4(), uuid4(), ["analytics"], told) for _ in range(people)]
    with closing(clients.clickhouse(settings)) as client:
        client.insert("events", rows, column_names=COLUMNS)


async def ask(suggesting: Suggesting, shop: SeededShop, query: str, **given: Any) -> Suggestions:
    await suggesting.refresh()
    asked = SuggestionsRequest(tenant_id=shop.id, query=query, **{"deadline_ms": 5000, **given})
    return await suggesting.answer(asked)


async def test_queries_categories_brands_and_products_are_suggested_what_sells_most_first(
    settings: Settings, suggesting: Suggesting, shop: SeededShop, database_urls: DatabaseUrls
) -> None:
    bag, _, laptop = (sold.product_id for sold in shop.products)
    change(database_urls, shop, "UPDATE product SET rank = -1000000, brand = 'Lapland' WHERE id = %s", laptop)
    change(
        database_urls,
        shop,
        "INSERT INTO brand (tenant_id, id, name, slug) VALUES (%s, %s, 'Lapland', 'lapland')",
        shop.id,
        uuid4(),
    )
    searched(settings, shop.id, "laptop sleeve", people=3)
    searched(settings, shop.id, "lap of jane doe", people=2)

    written = build(settings, shop.id)

    assert written is not None
    assert (written.counts[Kind.PRODUCT], written.counts[Kind.QUERY]) == (3, 1)
    found = await ask(suggesting, shop, "lap")
    assert found.products == [laptop, bag]
    assert found.queries == ["laptop sleeve"]
    assert [(one.name, one.slug) for one in found.brands] == [("Lapland", "lapland")]
    assert (await ask(suggesting, shop, "lpatop")).products == [laptop, bag]


async def test_a_shop_is_suggested_nothing_of_anothers(
    settings: Settings, suggesting: Suggesting, shop: SeededShop, database_urls: DatabaseUrls
) -> None:
    other = seed_shop(database_urls, "other", titles=("Lapis ring",))
    searched(settings, shop.id, "laptop sleeve", people=3)
    for one in (shop, other):
        build(settings, one.id)

    found = await ask(suggesting, other, "lap")

    assert (found.products, found.queries) == ([other.products[0].product_id], [])


async def test_they_are_written_anew_when_the_catalogue_changed_and_the_old_file_goes(
    settings: Settings, suggesting: Suggesting, shop: SeededShop, database_urls: DatabaseUrls
) -> None:
    first = build(settings, shop.id)
    assert first is not None
    assert build(settings, shop.id) is None
    await ask(suggesting, shop, "lap")
    change(database_urls, shop, "UPDATE product SET title = 'Notebook' WHERE title = 'Laptop bag'")
    change(database_urls, shop, "SELECT index_products(%s)", [sold.product_id for sold in shop.products])

    second = build(settings, shop.id)

    assert second is not None
    assert len((await ask(suggesting, shop, "note")).products) == 1
    assert objects.get(f"file://{settings.var_dir.parent}/objects", stored_at(shop.id, first.version)) is None
    kept = {file.stem for file in settings.var_dir.rglob("*.sqlite")}
    assert kept == {second.version}


async def test_a_shop_that_is_gone_is_suggested_nothing(
    settings: Settings, suggesting: Suggesting, shop: SeededShop
) -> None:
    build(settings, shop.id)
    assert (await ask(suggesting, shop, "lap")).products
    keep_only(settings, [])
    assert (await ask(suggesting, shop, "lap")).products == []
    assert list((settings.var_dir / "serving" / "suggestions").iterdir()) == []
