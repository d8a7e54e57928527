"""What Feast knows: the entities, where their features come from, and their types.

Importing Feast takes seconds and hundreds of megabytes; the serving side reads with `features.online` instead.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from feast import Entity, FeatureService, FeatureView, Field, PushSource, ValueType
from feast.infra.offline_stores.contrib.clickhouse_offline_store.clickhouse_source import ClickhouseSource
from feast.types import Array, Float64, Int64, String

from features.compute import PRODUCT_COLUMNS, SHOPPER_COLUMNS, VIEW_VERSION
from features.online import VIEW as SHOPPER_VIEW

SHOPPER = Entity(
    name="shopper",
    join_keys=["shopper_key"],
    value_type=ValueType.STRING,
    description="`tenant:shopper`, or `tenant:visitor` for one who is not signed in.",
)
PRODUCT = Entity(
    name="product", join_keys=["product_key"], value_type=ValueType.STRING, description="`tenant:product`."
)

SHOPPER_SOURCE = ClickhouseSource(
    name="shopper_activity_snapshots",
    query=f"SELECT {', '.join(SHOPPER_COLUMNS)} FROM shopper_activity FINAL",  # noqa: S608
    timestamp_field="as_of",
)
PRODUCT_SOURCE = ClickhouseSource(
    name="product_popularity_snapshots",
    query=f"SELECT {', '.join(PRODUCT_COLUMNS)} FROM product_popularity FINAL",  # noqa: S608
    timestamp_field="as_of",
)
SHOPPER_PUSH = PushSource(name="shopper_activity_push", batch_source=SHOPPER_SOURCE)

SHOPPER_ACTIVITY = FeatureView(
    name=SHOPPER_VIEW,
    entities=[SHOPPER],
    ttl=timedelta(0),
    source=SHOPPER_PUSH,
    tags={"version": VIEW_VERSION},
    description="The shopper's latest 5,000 touches of products, newest first, and what was ever ordered.",
    schema=[
        Field(name="shopper_key", dtype=String),
        Field(name="touched_products", dtype=Array(String), description="Product ids."),
        Field(name="touched_at", dtype=Array(Int64), description="Milliseconds since 1970, UTC."),
        Field(name="touch_weights", dtype=Array(Float64), description="1 an order's line, 0.5 a cart, 0.2 a view."),
        Field(name="orders", dtype=Int64),
        Field(name="units", dtype=Int64),
        Field(name="products", dtype=Int64, description="Different products ever ordered."),
        Field(name="last_order_at", dtype=Int64, description="Milliseconds since 1970, UTC; 0 when never."),
    ],
)
PRODUCT_POPULARITY = FeatureView(
    name="product_popularity",
    entities=[PRODUCT],
    ttl=timedelta(days=28),
    source=PRODUCT_SOURCE,
    online=False,  # serving keeps its products in memory
    tags={"version": VIEW_VERSION},
    description="How a product sold in the last week and the last four.",
    schema=[
        Field(name="product_key", dtype=String),
        Field(name="units_7d", dtype=Int64),
        Field(name="units_28d", dtype=Int64),
        Field(name="shoppers_28d", dtype=Int64),
    ],
)
RECOMMENDATION = FeatureService(
    name="recommendation",
    features=[SHOPPER_ACTIVITY, PRODUCT_POPULARITY],
    description="What a recommendation may know at the time it is asked for.",
)

ALL: list[Any] = [
    SHOPPER,
    PRODUCT,
    SHOPPER_SOURCE,
    PRODUCT_SOURCE,
    SHOPPER_PUSH,
    SHOPPER_ACTIVITY,
    PRODUCT_POPULARITY,
    RECOMMENDATION,
]
