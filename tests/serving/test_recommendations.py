"""What a shopper is shown, and what happens when a part is missing."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from pydantic import SecretStr

from features.compute import ensure_schema, shopper_activity
from features.materialise import push
from features.online import OnlineShoppers
from features.store import apply
from foundation import clients, clock
from foundation.analytics import ShopRows
from foundation.decisions import RecommendationRequest
from foundation.naming import cache_key
from foundation.settings import Settings
from pipelines.schema import ensure_schema as ensure_event_schema
from serving.index import Vectors
from serving.recommendations import Decided, Recommender, touches_digest
from tests.features.conftest import Shop
from tests.serving.conftest import OTHER_TENANT, SHOPPER, TENANT, product, taste_of

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


def asked(placement: str = "home", **given: Any) -> RecommendationRequest:
    values = {"tenant_id": TENANT, "placement": placement, "shopper_id": SHOPPER, "limit": 6, "deadline_ms": 5000}
    return RecommendationRequest.model_validate(values | given)


def products(decided: Decided) -> list[UUID]:
    return [item.product_id for item in decided.answer.items]


@pytest.fixture
def remember(settings: Settings) -> Any:
    """Puts what a shopper did online, the way it gets there: events, the definition, Feast."""
    client = clients.clickhouse(settings)
    ensure_event_schema(client)
    ensure_schema(client)
    store, shop = apply(settings), Shop(client)

    def remember(name: str, *bought: UUID, at: datetime = NOW) -> Shop:
        shop.happen(name, *bought, at=at, shopper=SHOPPER, tenant=TENANT)
        push(store, shopper_activity(ShopRows(client, TENANT), until=NOW + DAY, shoppers=[SHOPPER]))
        return shop

    yield remember
    client.close()


async def test_a_shopper_is_shown_their_own_taste(recommender: Recommender, remember: Any) -> None:
    remember("order.placed", product(2, 0), product(2, 1), at=NOW - 3 * DAY)

    decided = await recommender.decide(asked())

    assert {taste_of(one) for one in products(decided)[:5]} == {2}
    assert (decided.answer.policy, decided.answer.fallback, decided.answer.model_version) == ("blend", None, "1")
    assert [item.position for item in decided.answer.items] == list(range(6))


async def test_somebody_unknown_is_shown_what_sells(recommender: Recommender) -> None:
    decided = await recommender.decide(asked(shopper_id=None))

    assert len(products(decided)) == 6
    assert decided.answer.fallback is None


async def test_what_was_done_a_minute_ago_changes_what_is_shown_now(recommender: Recommender, remember: Any) -> None:
    remember("order.placed", product(2, 0), product(2, 1), at=NOW - 3 * DAY)
    before = await recommender.decide(asked())

    remember("add_to_cart", product(0, 0), at=clock.now() - timedelta(minutes=1))
    after = await recommender.decide(asked())

    assert 0 not in {taste_of(one) for one in products(before)[:5]}
    assert [taste_of(one) for one in products(after)].count(0) >= 2
    assert "item_to_item" in {item.source for item in after.answer.items}


async def test_a_product_is_shown_with_what_goes_with_it(recommender: Recommender) -> None:
    here = product(1, 3)

    decided = await recommender.decide(asked("product", context_product_ids=[here], shopper_id=None))

    assert {taste_of(one) for one in products(decided)} == {1}
    assert here not in products(decided)


async def test_a_row_is_never_left_short(recommender: Recommender, settings: Settings) -> None:
    nowhere = Vectors.connect(settings.model_copy(update={"qdrant_url": "http://127.0.0.1:1"}))

    for context in ([product(1, 3)], [UUID(int=1)], []):
        request = asked("product", context_product_ids=context, limit=20)
        for one in (recommender, replace(recommender, vectors=nowhere)):
            assert len(set(products(await one.decide(request)))) == 20
    await nowhere.close()


async def test_what_is_sold_out_or_shown_already_is_never_shown(recommender: Recommender, settings: Settings) -> None:
    gone, seen = [product(1, number) for number in (0, 1)], [product(1, number) for number in (2, 4)]
    with clients.redis(settings) as redis:
        redis.sadd(cache_key(TENANT, "out_of_stock"), *map(str, gone))
    await recommender.sold_out.refresh([TENANT])

    for placement in ("home", "product", "cart"):
        decided = await recommender.decide(
            asked(placement, context_product_ids=[product(1, 3)], exclude_product_ids=seen, limit=50)
        )
        assert not {*gone, *seen, product(1, 3)} & set(products(decided))
        assert decided.row["guardrails"] == ["in_stock", "not_shown"]


async def test_a_tenant_without_a_model_gets_the_fallback_and_its_reason(recommender: Recommender) -> None:
    decided = await recommender.decide(asked(tenant_id=OTHER_TENANT))

    assert (decided.answer.fallback, decided.answer.fallback_reason) == ("popular", "no_model")
    assert decided.answer.items == []


async def test_a_late_model_gives_way_to_what_is_popular(
    recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion = recommender.champions.of(TENANT)
    assert champion is not None
    monkeypatch.setattr(type(champion.model), "recommend", lambda *_, **__: time.sleep(1))

    decided = await recommender.decide(asked(deadline_ms=50, exclude_product_ids=[product(0, 0)]))

    assert (decided.answer.fallback, decided.answer.fallback_reason) == ("popular", "late")
    assert len(products(decided)) == 6
    assert product(0, 0) not in products(decided)
    assert decided.row["fallback_reason"] == "late"


async def test_without_the_online_store_the_fallback_says_so(recommender: Recommender, settings: Settings) -> None:
    nowhere = settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")})
    shoppers = OnlineShoppers.connect(nowhere)

    decided = await replace(recommender, shoppers=shoppers).decide(asked())

    assert decided.answer.fallback_reason == "features_unavailable"
    assert len(products(decided)) == 6
    await shoppers.close()


async def test_without_the_index_the_model_still_decides(recommender: Recommender, settings: Settings) -> None:
    nowhere = Vectors.connect(settings.model_copy(update={"qdrant_url": "http://127.0.0.1:1"}))

    decided = await replace(recommender, vectors=nowhere).decide(asked("product", context_product_ids=[product(1, 3)]))

    assert decided.answer.fallback is None
    assert {taste_of(one) for one in products(decided)[:5]} == {1}
    assert "index_unavailable" in decided.row["guardrails"]
    await nowhere.close()


async def test_a_decision_accounts_for_itself(recommender: Recommender, remember: Any) -> None:
    remember("order.placed", product(2, 0), at=NOW - 3 * DAY)
    session = uuid4()

    decided = await recommender.decide(asked(session_id=session))

    row = decided.row
    assert row["chosen"] == row["candidates"][:6] == [str(one) for one in products(decided)]
    assert len(row["candidates"]) == len(row["scores"]) == len(row["sources"])
    assert (row["model_name"], row["model_version"]) == ("recommendation-grocer", "1")
    assert (row["deterministic"], row["propensities"]) == (1, [])
    assert row["session_id"] == session
    assert row["latency_ms"] > 0


async def test_the_features_of_a_decision_can_be_computed_again(recommender: Recommender, remember: Any) -> None:
    remember("order.placed", product(2, 0), at=NOW - 3 * DAY)
    shop = remember("view_item", product(1, 0), at=NOW - DAY)
    logged = orjson.loads((await recommender.decide(asked())).row["features"])
    remember("order.placed", product(3, 0), at=NOW)

    as_of = datetime.fromisoformat(logged["as_of"])
    again = shopper_activity(ShopRows(shop.client, TENANT), until=as_of, shoppers=[SHOPPER]).row(0, named=True)

    digest = touches_digest(again["touched_products"], again["touched_at"], again["touch_weights"])
    assert (logged["touches"], logged["touches_sha256"]) == (2, digest)
    assert {name: logged[name] for name in ("orders", "units", "products", "last_order_at")} == {
        name: again[name] for name in ("orders", "units", "products", "last_order_at")
    }
