"""Somebody who was forgotten is in no feature, for training or online, and does not come back into one."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from feast import FeatureStore

from features import forgetting, materialise, stream
from features.materialise import training_set
from features.stream import ShopperStream
from foundation import clients
from foundation.settings import Settings
from pipelines.forgetting import forget as forget_events
from pipelines.relay import SHOPPERS_STREAM
from tests.features.conftest import APPLE, NOW, SHOPPER, TENANT, Shop
from tests.features.test_online import announce, read


def _forget(settings: Settings, client: Any, *people: UUID) -> dict[str, int]:
    with clients.redis(settings) as redis:
        return forget_events(client, TENANT, people) | forgetting.forget(client, redis, TENANT, people)


async def test_a_forgotten_shopper_is_in_neither_store(settings: Settings, shop: Shop, client: Any) -> None:
    other = uuid4()
    shop.happen("order.placed", APPLE)
    shop.happen("order.placed", APPLE, shopper=other)
    materialise.materialise(settings, TENANT)
    assert await read(settings)

    announce(settings)
    announce(settings, other)

    expected = {"interactions": 1, "events": 1, "offline": 1, "online": 1, "announced": 1}
    assert _forget(settings, client, SHOPPER) == expected

    assert await read(settings) is None
    assert await read(settings, shopper=other)
    rows = training_set(settings, TENANT, [(SHOPPER, APPLE, NOW), (other, APPLE, NOW)])
    assert dict(zip(rows["shopper_key"], rows["orders"], strict=True)) == {
        f"{TENANT}:{SHOPPER}": None,
        f"{TENANT}:{other}": 1,
    }
    with clients.redis(settings) as redis:
        assert forgetting.kept_of(client, redis, TENANT, [SHOPPER]) == set()
        assert forgetting.kept_of(client, redis, TENANT, [other]) == {"offline", "online", "announced"}


@pytest.mark.parametrize("by", ["the stream", "the nightly load"])
async def test_one_who_is_forgotten_while_they_are_put_online_is_not_left_there(
    settings: Settings, shop: Shop, client: Any, store: FeatureStore, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    shop.happen("order.placed", APPLE)
    push = materialise.push

    def late(store: FeatureStore, rows: Any) -> None:
        _forget(settings, client, SHOPPER)
        push(store, rows)

    if by == "the stream":
        announce(settings)
        monkeypatch.setattr(stream, "push", late)
        one = ShopperStream.connect(settings, store)
        one.refresh(block_ms=None)
        one.close()
    else:
        monkeypatch.setattr(materialise, "push", late)
        materialise.materialise(settings, TENANT)

    assert await read(settings) is None


def test_an_announcement_goes_once_it_is_served(settings: Settings, shop: Shop, store: FeatureStore) -> None:
    shop.happen("order.placed", APPLE)
    announce(settings)
    one = ShopperStream.connect(settings, store)
    one.refresh(block_ms=None)
    one.close()
    with clients.redis(settings) as redis:
        assert redis.xlen(SHOPPERS_STREAM) == 0
