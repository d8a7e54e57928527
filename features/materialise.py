"""From the event store to the online store, for everybody at once; the stream does the rest, one shopper at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import pandas as pd
import polars as pl
from feast import FeatureStore

from features.compute import ensure_schema, shopper_activity, snapshot
from features.definitions import RECOMMENDATION, SHOPPER_PUSH
from features.forgetting import forgotten_meanwhile, take_offline
from features.store import apply
from foundation import clients, clock
from foundation.analytics import ShopRows, of_shop
from foundation.naming import entity_key
from foundation.progress import Progress, silent
from foundation.settings import Settings

CHUNK = 250


def materialise(settings: Settings, tenant_id: UUID, *, progress: Progress = silent) -> int:
    """Put what is known of every shopper of a tenant online, and keep it for training; says how many shoppers.

    A shopper the stream has brought further already is left as the stream left them.

    Raises:
        EngineNotConfigured: ClickHouse or Redis has no address.
    """
    store = apply(settings)
    client = clients.clickhouse(settings)
    try:
        ensure_schema(client)
        now = clock.now()
        progress(0, None, "computing")
        snapshot(client, tenant_id, now)
    finally:
        client.close()
    with of_shop(settings, tenant_id) as shop:
        shoppers = shopper_activity(shop, until=now)
        for done, chunk in enumerate(shoppers.iter_slices(CHUNK)):
            push(store, chunk)
            progress(min((done + 1) * CHUNK, len(shoppers)), len(shoppers), "shoppers")
        _take_back(settings, shop, shoppers)
    return len(shoppers)


def _take_back(settings: Settings, shop: ShopRows, shoppers: pl.DataFrame) -> None:
    """Whoever was forgotten while the others were put online goes again."""
    ids = [UUID(key.rpartition(":")[2]) for key in shoppers["shopper_key"]]
    with clients.redis(settings) as redis:
        for first in range(0, len(ids), CHUNK):
            take_offline(redis, shop.tenant_id, forgotten_meanwhile(shop, ids[first : first + CHUNK]))


def push(store: FeatureStore, shoppers: pl.DataFrame) -> None:
    """Put rows of `shopper_activity` online; an older row never replaces a newer one."""
    store.push(SHOPPER_PUSH.name, shoppers.to_pandas())


def training_set(settings: Settings, tenant_id: UUID, asked: Sequence[tuple[UUID, UUID, datetime]]) -> pl.DataFrame:
    """What the `recommendation` service would have known at each (shopper, product, instant) in `asked`.

    Snapshots are computed for the instants, so ask for few different ones (such as the Mondays of a year). A shopper or
    a product of whom nothing was known has nulls.

    Raises:
        EngineNotConfigured: ClickHouse or Redis has no address.
        ValueError: nothing is asked.
    """
    if not asked:
        raise ValueError("A training set is of at least one instant.")
    store = apply(settings)
    client = clients.clickhouse(settings)
    try:
        ensure_schema(client)
        for at in sorted({at for _, _, at in asked}):
            snapshot(client, tenant_id, at)
    finally:
        client.close()
    frame = pd.DataFrame(
        {
            "shopper_key": [entity_key(tenant_id, shopper) for shopper, _, _ in asked],
            "product_key": [entity_key(tenant_id, product) for _, product, _ in asked],
            "event_timestamp": pd.to_datetime([at for _, _, at in asked], utc=True),
        }
    )
    job = store.get_historical_features(entity_df=frame, features=store.get_feature_service(RECOMMENDATION.name))
    return pl.DataFrame(job.to_arrow())
