"""What the grocer showed where: displays and mailers by product, store and week, straight into ClickHouse."""

from __future__ import annotations

from datetime import timedelta
from time import perf_counter
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from foundation import clients
from foundation.analytics import of_shop
from foundation.progress import Progress, silent
from foundation.settings import Settings
from tradewind.data import source, tenants
from tradewind.data.report import LoadReport, timed
from tradewind.data.tenants import GROCER
from tradewind.errors import StackError

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

TABLE = "promotion_exposure"
BATCH = 1_000_000

SCHEMA = f"""
CREATE TABLE IF NOT EXISTS {TABLE} (
    tenant_id UUID,
    product_id UUID,
    week_start Date COMMENT 'shifted as the orders are',
    store_id UInt32,
    display_location LowCardinality(String) COMMENT '0 for none, else where in the store; A for in-shelf',
    mailer_location LowCardinality(String) COMMENT '0 for none, else where in the mailer',
    original_week_start Date
) ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(week_start)
ORDER BY (tenant_id, product_id, week_start, store_id, display_location, mailer_location)
"""


class NoHistory(StackError):
    """The orders come first: they decide by how many days dates are shifted."""


def load_promotions(settings: Settings, *, progress: Progress = silent, limit: int | None = None) -> LoadReport:
    """Load what was promoted, of the products that are loaded; `limit` takes the first so many rows.

    Batches are the same each time and the table keeps one row a key, so a load that was cut short is simply run again.

    Raises:
        NoHistory: when the tenant's orders are not loaded.
    """
    memory = tenants.recall(settings.require("database_owner_url", "Postgres"), GROCER)
    if "shift_days" not in memory:
        raise NoHistory(f"Load `{GROCER.slug}` first: `tradewind data load`.")
    report = LoadReport(GROCER.slug)
    with timed(report):
        rows = _rows(limit)
        client = clients.clickhouse(settings)
        client.command(SCHEMA)
        if _there(settings) >= rows.height:
            report.add(TABLE, rows.height, 0, 0.0)
            return report
        _insert(client, rows, timedelta(days=memory["shift_days"]), report, progress)
    return report


def _rows(limit: int | None) -> pl.DataFrame:
    """Each exposure once, of products that were not dropped, by week: so that a batch touches few partitions."""
    kept = source.scan("products").filter(~pl.col("department").is_in(source.DROPPED_DEPARTMENTS)).select("product_id")
    rows = source.scan("promotions").select(
        pl.col("product_id").cast(pl.UInt32),
        pl.col("store_id").cast(pl.UInt32),
        pl.col("week").cast(pl.UInt8),
        pl.col("display_location").cast(pl.Categorical),
        pl.col("mailer_location").cast(pl.Categorical),
    )
    rows = rows.join(kept.select(pl.col("product_id").cast(pl.UInt32)), on="product_id", how="semi")
    if limit is not None:
        rows = rows.head(limit)
    return rows.unique().sort("week", "product_id", "store_id").collect()


def _there(settings: Settings) -> int:
    with of_shop(settings, GROCER.id) as shop:
        return int(shop.rows(f"SELECT count() FROM {TABLE} FINAL")[0][0])  # noqa: S608 - a name of ours


def _insert(client: Client, rows: pl.DataFrame, shift: timedelta, report: LoadReport, progress: Progress) -> None:
    products = rows["product_id"].unique()
    ids = pl.DataFrame({"product_id": products, "id": GROCER.ids.column("product", products.to_list())})
    done = 0
    for part in rows.iter_slices(BATCH):
        start = perf_counter()
        client.insert_arrow(TABLE, _arrow(part.join(ids, on="product_id", how="left", maintain_order="left"), shift))
        done += part.height
        report.add(TABLE, part.height, part.height, perf_counter() - start)
        progress(done, rows.height, TABLE)


def _arrow(part: pl.DataFrame, shift: timedelta) -> pa.Table:
    original = pl.lit(source.WEEK_ONE) + pl.duration(days=7 * (pl.col("week").cast(pl.Int32) - 1))
    table: pa.Table = part.select(
        pl.lit(str(GROCER.id)).alias("tenant_id"),
        pl.col("id").alias("product_id"),
        (original + shift).alias("week_start"),
        "store_id",
        pl.col("display_location").cast(pl.String),
        pl.col("mailer_location").cast(pl.String),
        original.alias("original_week_start"),
    ).to_arrow()
    strings = [pa.field(f.name, pa.string() if pa.types.is_large_string(f.type) else f.type) for f in table.schema]
    return table.cast(pa.schema(strings))
