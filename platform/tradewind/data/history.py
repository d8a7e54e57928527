"""The grocer's customers, orders and coupons as the core's own facts, their dates shifted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import polars as pl

from tradewind.data.ids import SourceIds
from tradewind.data.source import Journey

BASKETS_A_PART = 13_000
_TRAITS = ("age", "income", "home_ownership", "marital_status", "household_size", "household_comp", "kids_count")


def shift_to(journey: Journey, yesterday: date) -> timedelta:
    """How many whole days to add so that the last order was placed `yesterday` (UTC)."""
    last = journey.lines["original_at"].max()
    if not isinstance(last, datetime):
        raise TypeError("the history has no orders")
    return yesterday - last.astimezone(UTC).date()


def began(journey: Journey) -> datetime:
    """When the first order was placed, unshifted."""
    first = journey.lines["original_at"].min()
    if not isinstance(first, datetime):
        raise TypeError("the history has no orders")
    return first


def customers(journey: Journey, ids: SourceIds, shift: timedelta) -> pl.DataFrame:
    """Households as customers since their first order; what is known of them, and which campaigns they were sent."""
    first = journey.lines.group_by("household_id").agg(pl.col("original_at").min())
    households = (
        pl.concat([first.select("household_id"), journey.redemptions.select("household_id")])
        .unique()
        .sort("household_id")
        .join(first, on="household_id", how="left")
        .join(journey.demographics, on="household_id", how="left")
        .join(journey.mailings.group_by("household_id").agg("campaign_id"), on="household_id", how="left")
    )
    traits = [
        json.dumps(
            {name: row[name] for name in _TRAITS if row[name] is not None}
            | ({"campaigns": sorted(row["campaign_id"])} if row["campaign_id"] else {})
        )
        for row in households.iter_rows(named=True)
    ]
    numbers = households["household_id"]
    return households.select(
        ids.column("customer", numbers).alias("id"),
        ("household-" + pl.col("household_id").cast(pl.String)).alias("reference"),
        ("Household " + pl.col("household_id").cast(pl.String)).alias("display_name"),
        pl.Series("traits", traits, dtype=pl.String),
        (pl.col("original_at").fill_null(pl.lit(began(journey))) + shift).alias("created_at"),
        ids.column("customer.registered", numbers).alias("event_id"),
    )


@dataclass(frozen=True, slots=True)
class Orders:
    """Orders with their lines and postings: one part of the history, loaded as one transaction."""

    orders: pl.DataFrame
    order_line: pl.DataFrame
    ledger_posting: pl.DataFrame


def baskets(journey: Journey) -> pl.DataFrame:
    """One row a basket, in the order they were paid."""
    return (
        journey.lines.group_by("basket_id")
        .agg(
            pl.col("household_id").first(),
            pl.col("original_at").first(),
            pl.col("gross").sum().alias("subtotal"),
            pl.col("discount").sum(),
            pl.col("total").sum(),
        )
        .sort("original_at", "basket_id")
    )


def orders(
    journey: Journey, missing: pl.DataFrame, names: pl.DataFrame, ids: SourceIds, currency: str, shift: timedelta
) -> Iterator[Orders]:
    """The baskets of `missing` as orders, a part of the year at a time."""
    titles = names.select("product_id", "title")
    for part in missing.iter_slices(BASKETS_A_PART):
        lines = journey.lines.join(part.select("basket_id"), on="basket_id", how="semi")
        yield Orders(
            orders=_orders(part, ids, currency, shift),
            order_line=_order_lines(lines.join(titles, on="product_id", how="left"), ids),
            ledger_posting=_postings(part, ids, currency, shift),
        )


def _orders(baskets: pl.DataFrame, ids: SourceIds, currency: str, shift: timedelta) -> pl.DataFrame:
    return baskets.select(
        ids.column("order", baskets["basket_id"]).alias("id"),
        pl.col("basket_id").cast(pl.String).alias("number"),
        ids.look_up("customer", baskets["household_id"]).alias("customer_id"),
        pl.lit("delivered").alias("status"),
        pl.lit("paid").alias("payment_state"),
        pl.lit("delivered").alias("fulfilment_state"),
        pl.lit(currency).alias("currency"),
        "subtotal",
        "discount",
        pl.lit(0).alias("shipping"),
        pl.lit(0).alias("tax"),
        "total",
        (pl.col("original_at") + shift).alias("placed_at"),
        "original_at",
        ids.column("order.placed", baskets["basket_id"]).alias("event_id"),
    )


def _order_lines(lines: pl.DataFrame, ids: SourceIds) -> pl.DataFrame:
    """A till's line adds up to the cent, so what unit price times quantity misses is kept as `rounding`."""
    unit = (pl.col("gross") / pl.col("quantity")).round().cast(pl.Int64)
    sources = (f"{basket}/{product}" for basket, product in lines.select("basket_id", "product_id").iter_rows())
    return lines.select(
        ids.column("order_line", sources).alias("id"),
        ids.look_up("order", lines["basket_id"]).alias("order_id"),
        ids.look_up("product", lines["product_id"]).alias("product_id"),
        ids.look_up("variant", lines["product_id"]).alias("variant_id"),
        pl.col("product_id").cast(pl.String).alias("sku"),
        "title",
        "quantity",
        pl.col("quantity").alias("fulfilled"),
        unit.alias("unit_price"),
        (pl.col("gross") - unit * pl.col("quantity")).alias("rounding"),
        "discount",
        "total",
    )


def _postings(baskets: pl.DataFrame, ids: SourceIds, currency: str, shift: timedelta) -> pl.DataFrame:
    """What the store received, against sales. An order for nothing moves no money."""
    paid = baskets.filter(pl.col("total") != 0)
    return pl.concat(
        paid.select(
            ids.column("ledger_posting", paid["basket_id"], account).alias("id"),
            ids.column("ledger_transaction", paid["basket_id"]).alias("transaction_id"),
            pl.lit(account).alias("account"),
            (pl.col("total") * sign).alias("amount"),
            pl.lit(currency).alias("currency"),
            ids.column("order", paid["basket_id"]).alias("reference_id"),
            (pl.col("original_at") + shift).alias("occurred_at"),
        )
        for account, sign in (("provider:history", 1), ("sales", -1))
    )


@dataclass(frozen=True, slots=True)
class Promotions:
    """Campaigns, their coupons, what those are good for, and who redeemed them."""

    campaign: pl.DataFrame
    coupon: pl.DataFrame
    coupon_product: pl.DataFrame
    coupon_redemption: pl.DataFrame


def promotions(journey: Journey, ids: SourceIds, shift: timedelta) -> Promotions:
    """What the store's mailings offered and what came of it; a coupon's code is its UPC."""
    numbers = journey.campaigns["campaign_id"]
    known = journey.coupons.filter(pl.col("product_id").is_in(journey.products["product_id"].implode()))
    coupons = journey.coupons.select("coupon_upc", "campaign_id").unique(maintain_order=True)
    redeemed = journey.redemptions.join(coupons, on=["coupon_upc", "campaign_id"])
    redeemed_at = pl.col("redemption_date").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    keys = [
        f"{'/'.join(map(str, row))}"
        for row in redeemed.select(
            "household_id", "coupon_upc", "campaign_id", pl.col("redemption_date").dt.date()
        ).iter_rows()
    ]
    return Promotions(
        campaign=journey.campaigns.select(
            ids.column("campaign", numbers).alias("id"),
            ("campaign-" + pl.col("campaign_id").cast(pl.String)).alias("reference"),
            pl.col("campaign_type").alias("kind"),
            (pl.col("start_date").cast(pl.Datetime("us")).dt.replace_time_zone("UTC") + shift).alias("starts_at"),
            (pl.col("end_date").cast(pl.Datetime("us")).dt.replace_time_zone("UTC") + shift).alias("ends_at"),
        ),
        coupon=coupons.select(
            ids.column("coupon", _coupon_keys(coupons)).alias("id"),
            ids.look_up("campaign", coupons["campaign_id"]).alias("campaign_id"),
            pl.col("coupon_upc").cast(pl.String).alias("code"),
        ),
        coupon_product=known.select(
            ids.look_up("coupon", pl.Series(_coupon_keys(known))).alias("coupon_id"),
            ids.look_up("product", known["product_id"]).alias("product_id"),
        ),
        coupon_redemption=redeemed.select(
            ids.column("coupon_redemption", keys).alias("id"),
            ids.column("coupon", _coupon_keys(redeemed)).alias("coupon_id"),
            ids.look_up("customer", redeemed["household_id"]).alias("customer_id"),
            (redeemed_at + shift).alias("redeemed_at"),
            redeemed_at.alias("original_at"),
            ids.column("coupon.redeemed", keys).alias("event_id"),
        ),
    )


def _coupon_keys(frame: pl.DataFrame) -> list[str]:
    return [f"{upc}/{campaign}" for upc, campaign in frame.select("coupon_upc", "campaign_id").iter_rows()]
