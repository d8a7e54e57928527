"""From what a shopper does to the online store, and back out of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Any
from uuid import UUID, uuid4

import polars as pl
import pytest
from feast import FeatureStore

from features import stream as module
from features.compute import SHOPPER_COLUMNS, shopper_activity
from features.materialise import materialise, push
from features.online import VIEW, OnlineShoppers, OnlineTouch
from features.stream import GROUP, ShopperStream
from foundation import clients
from foundation.analytics import ShopRows
from foundation.settings import Settings
from pipelines.relay import SHOPPERS_STREAM
from tests.features.conftest import APPLE, BREAD, CHEESE, DAY, NOW, OTHER_TENANT, SHOPPER, TENANT, Shop


@pytest.fixture
def stream(settings: Settings, store: FeatureStore) -> Iterator[ShopperStream]:
    stream = ShopperStream.connect(settings, store)
    yield stream
    stream.close()


def announce(settings: Settings, shopper: UUID = SHOPPER, **fields: Any) -> None:
    with clients.redis(settings) as redis:
        redis.xadd(SHOPPERS_STREAM, fields or {"tenant_id": str(TENANT), "shopper_key": f"{TENANT}:{shopper}"})


def waiting(settings: Settings) -> int:
    """Announcements that nobody has acknowledged."""
    with clients.redis(settings) as redis:
        groups: Any = redis.xinfo_groups(SHOPPERS_STREAM)
        return sum(group["pending"] + (group["lag"] or 0) for group in groups if group["name"] == GROUP)


async def read(settings: Settings, tenant: UUID = TENANT, shopper: UUID = SHOPPER) -> Any:
    reader = OnlineShoppers.connect(settings)
    try:
        return await reader.read(tenant, shopper)
    finally:
        await reader.close()


async def test_everybody_is_put_online_with_what_was_known(settings: Settings, shop: Shop) -> None:
    shop.happen("order.placed", APPLE, at=NOW - DAY, quantity=2)
    shop.happen("order.placed", BREAD, shopper=uuid4())
    told: list[tuple[float, float | None, str]] = []

    assert materialise(settings, TENANT, progress=lambda *step: told.append(step)) == 2

    found = await read(settings)
    assert found.touches == [OnlineTouch(str(APPLE), int((NOW - DAY).timestamp() * 1000), 1.0)]
    assert found.values["units"] == 2
    assert found.as_of == NOW - DAY
    assert told[-1] == (2, 2, "shoppers")


async def test_our_reader_and_feasts_agree(settings: Settings, shop: Shop, store: FeatureStore) -> None:
    shop.happen("order.placed", APPLE, BREAD, at=NOW - DAY)
    shop.happen("view_item", CHEESE)
    push(store, shopper_activity(ShopRows(shop.client, TENANT), until=NOW))
    names = SHOPPER_COLUMNS[2:]

    feasts = store.get_online_features(
        features=[f"{VIEW}:{name}" for name in names], entity_rows=[{"shopper_key": f"{TENANT}:{SHOPPER}"}]
    ).to_dict()
    ours = await read(settings)

    assert [tuple(touch) for touch in ours.touches] == list(
        zip(*(feasts[name][0] for name in ("touched_products", "touched_at", "touch_weights")), strict=True)
    )
    assert ours.values == {name: feasts[name][0] for name in ours.values}


async def test_what_is_online_can_be_computed_again_from_its_own_instant(
    settings: Settings, shop: Shop, stream: ShopperStream
) -> None:
    shop.happen("order.placed", APPLE, at=NOW - 2 * DAY)
    shop.happen("add_to_cart", BREAD, at=NOW - DAY)
    announce(settings)
    stream.refresh(block_ms=None)
    online = await read(settings)

    shop.happen("order.placed", CHEESE, at=NOW - 3 * DAY, known_at=NOW)
    again = shopper_activity(ShopRows(shop.client, TENANT), until=online.as_of, shoppers=[SHOPPER]).row(0, named=True)

    touches = zip(again["touched_products"], again["touched_at"], again["touch_weights"], strict=True)
    assert [tuple(touch) for touch in online.touches] == list(touches)
    assert online.values == {name: again[name] for name in online.values}


async def test_what_a_shopper_does_is_online_after_one_round_and_acknowledged(
    settings: Settings, shop: Shop, stream: ShopperStream
) -> None:
    shop.happen("add_to_cart", APPLE)
    announce(settings)
    announce(settings)

    assert stream.refresh(block_ms=None) == 1

    assert [touch.product_id for touch in (await read(settings)).touches] == [str(APPLE)]
    assert waiting(settings) == 0


async def test_an_announcement_whose_reader_died_is_served_by_another(
    settings: Settings, shop: Shop, stream: ShopperStream, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.happen("add_to_cart", APPLE)
    announce(settings)

    def die(*_: Any) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(module, "push", die)
        with pytest.raises(ConnectionError):
            stream.refresh(block_ms=None)
    assert waiting(settings) == 1
    assert await read(settings) is None

    monkeypatch.setattr(module, "ABANDONED_MS", 0)
    other = ShopperStream.connect(settings, store)
    assert other.refresh(block_ms=None) == 1
    other.close()

    assert await read(settings) is not None
    assert waiting(settings) == 0


async def test_an_unreadable_announcement_holds_nobody_up(
    settings: Settings, shop: Shop, stream: ShopperStream
) -> None:
    shop.happen("add_to_cart", APPLE)
    announce(settings, shopper_key="nonsense")
    announce(settings)

    assert stream.refresh(block_ms=None) == 1
    assert waiting(settings) == 0


async def test_an_older_row_never_replaces_a_newer_one(settings: Settings, shop: Shop, store: FeatureStore) -> None:
    shop.happen("view_item", APPLE, at=NOW - 2 * DAY)
    older = shopper_activity(ShopRows(shop.client, TENANT), until=NOW)
    shop.happen("view_item", BREAD, at=NOW - DAY)
    push(store, shopper_activity(ShopRows(shop.client, TENANT), until=NOW))

    push(store, older)

    assert len((await read(settings)).touches) == 2
    assert older.select(pl.col("as_of").max()).item().astimezone(UTC) == NOW - 2 * DAY


async def test_a_shopper_of_one_tenant_is_nobody_in_another(settings: Settings, shop: Shop) -> None:
    shop.happen("order.placed", APPLE)
    shop.happen("order.placed", BREAD, tenant=OTHER_TENANT)
    materialise(settings, TENANT)

    assert await read(settings, OTHER_TENANT) is None
    assert [touch.product_id for touch in (await read(settings)).touches] == [str(APPLE)]
