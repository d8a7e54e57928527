"""The grocer's catalogue: the tree of categories, products, list prices and stock."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from tradewind.data import titles
from tradewind.data.ids import SourceIds
from tradewind.data.source import Journey
from tradewind.data.terms import FOOD, FOOD_DEPARTMENTS, NOT_FOOD
from tradewind.data.words import NOT_GOODS

RECENT_WEEKS = 8
COVER_WEEKS = 4
LEAST_ON_HAND = 6
_LEVELS = ("department", "product_category", "product_type")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Frames with the columns of the tables they are named for."""

    category: pl.DataFrame
    product: pl.DataFrame
    variant: pl.DataFrame
    price: pl.DataFrame
    warehouse: pl.DataFrame
    stock: pl.DataFrame
    stock_movement: pl.DataFrame
    names: pl.DataFrame
    """product_id of the source to title and list price."""


def build(journey: Journey, ids: SourceIds, currency: str, opened: datetime) -> Catalogue:
    """The catalogue as it stands after the year; `opened` is when the first stock came in."""
    products = _named(journey.products).join(sales(journey.lines), on="product_id", how="left")
    sellable = pl.col("price").is_not_null() & ~pl.col("department").is_in(NOT_GOODS)
    products = products.with_columns(
        pl.col("sold").fill_null(0),
        ids.column("product", products["product_id"]).alias("id"),
        ids.column("variant", products["product_id"]).alias("variant_id"),
        pl.when(pl.col("department").is_in(NOT_GOODS))
        .then(pl.lit("archived"))
        .when(sellable)
        .then(pl.lit("published"))
        .otherwise(pl.lit("draft"))
        .alias("status"),
    )
    category, products = _tree(products, ids)
    priced = products.filter(pl.col("price").is_not_null())
    stock = _stock(priced, ids)
    return Catalogue(
        category=category,
        product=_products(products, opened),
        variant=products.select(
            pl.col("variant_id").alias("id"),
            pl.col("id").alias("product_id"),
            pl.col("product_id").cast(pl.String).alias("sku"),
            pl.col("size").fill_null("").alias("title"),
        ),
        price=priced.select(
            ids.column("price", priced["product_id"], currency).alias("id"),
            "variant_id",
            pl.lit(currency).alias("currency"),
            pl.col("price").alias("amount"),
        ),
        warehouse=pl.DataFrame(
            {"id": [str(ids.of("warehouse", "main"))], "code": ["main"], "name": ["Main warehouse"]}
        ),
        stock=stock.drop("source"),
        stock_movement=movements(stock, ids, opened),
        names=products.select("product_id", "title", pl.col("price").alias("list_price")),
    )


def sales(lines: pl.DataFrame) -> pl.DataFrame:
    """By product: units sold, how many a week lately, and the regular shelf price of a unit in cents.

    The price is the median over the product's own last weeks, before the store's discounts; a product that was only
    ever given away has none.
    """
    ends = lines["week"].max()
    own_last = pl.col("week").max().over("product_id")
    return (
        lines.with_columns(
            (pl.col("gross") / pl.col("quantity")).alias("unit"),
            ((pl.col("week") > own_last - RECENT_WEEKS) & (pl.col("gross") > 0)).alias("tells_price"),
            (pl.col("week") > pl.lit(ends) - RECENT_WEEKS).alias("is_recent"),
        )
        .group_by("product_id")
        .agg(
            pl.col("quantity").sum().alias("sold"),
            (pl.col("quantity").filter(pl.col("is_recent")).sum() / RECENT_WEEKS).alias("weekly"),
            pl.col("unit").filter(pl.col("tells_price")).median().round().cast(pl.Int64).alias("price"),
        )
    )


def movements(stock: pl.DataFrame, ids: SourceIds, opened: datetime) -> pl.DataFrame:
    """What led to each balance: everything received, then what was sold reserved and sold."""
    kinds = (("receive", "received"), ("reserve", "sold"), ("sell", "sold"))
    moved = ((kind, column, stock.filter(pl.col(column) > 0)) for kind, column in kinds)
    return pl.concat(
        part.select(
            ids.column("stock_movement", part["source"], kind).alias("id"),
            pl.col("id").alias("stock_id"),
            pl.lit(kind).alias("kind"),
            pl.col(column).alias("quantity"),
            pl.lit("loaded history").alias("reason"),
            pl.lit(opened).alias("created_at"),
        )
        for kind, column, part in moved
    )


def _named(products: pl.DataFrame) -> pl.DataFrame:
    """With names a person can read; each distinct phrase is read once."""
    types = products.select("product_category", "product_type").unique()
    types = types.with_columns(
        pl.Series("type_name", [titles.product_type(kind, within) for within, kind in types.iter_rows()])
    )
    named = products.join(types, on=["product_category", "product_type"], how="left", nulls_equal=True).with_columns(
        pl.Series(
            "size", [_size(*row) for row in products.select("department", "package_size").iter_rows()], dtype=pl.String
        ),
        pl.Series("brand_name", [titles.brand(brand) for brand in products["brand"]]),
    )
    return named.with_columns(
        pl.Series("title", [titles.title(*row) for row in named.select("type_name", "brand_name", "size").iter_rows()])
    )


def _size(department: str, printed: str | None) -> str | None:
    """What a shopper takes home: with loose fruit and vegetables the source says what the grower's case holds."""
    amount, _, unit = (printed or "").partition(" ")
    number = amount.partition("-")[0].partition("/")[0]
    is_case = {"LB": 10.0, "CT": 24.0}
    if (
        department == "PRODUCE"
        and unit in is_case
        and number.replace(".", "", 1).isdigit()
        and float(number) >= is_case[unit]
    ):
        return None
    return titles.size(printed)


def _tree(products: pl.DataFrame, ids: SourceIds) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The categories that hold products, and the products with the id of theirs."""
    namers = (titles.department, titles.category, None)
    levels, parent = [], None
    keyed = products.with_columns(pl.col(level).fill_null("OTHER") for level in _LEVELS[1:])
    for depth, level in enumerate(_LEVELS):
        keys = list(_LEVELS[: depth + 1])
        nodes = keyed.group_by(keys, maintain_order=True).agg(
            (pl.col("status") == "published").sum().alias("product_count"), pl.col("type_name").first()
        )
        namer = namers[depth]
        names = nodes["type_name"].to_list() if namer is None else [namer(name) for name in nodes[level]]
        labels = [titles.slug(value).replace("-", "_") for value in nodes[level]]
        nodes = nodes.with_columns(
            pl.Series("name", names, dtype=pl.String),
            pl.Series("label", labels, dtype=pl.String),
            pl.lit(depth).alias("depth"),
        )
        if parent is None:
            nodes = nodes.with_columns(pl.lit(None, pl.String).alias("parent_id"), pl.col("label").alias("path"))
        else:
            above = parent.select(*keys[:-1], pl.col("id").alias("parent_id"), pl.col("path").alias("above"))
            nodes = nodes.join(above, on=keys[:-1]).with_columns(
                (pl.col("above") + "." + pl.col("label")).alias("path")
            )
        nodes = _distinct(nodes).with_columns(
            pl.Series("id", ids.column("category", ("/".join(row) for row in nodes.select(keys).iter_rows())))
        )
        levels.append(nodes)
        parent = nodes
    columns = ["id", "parent_id", "path", "name", "slug", "depth", "product_count"]
    leaf = levels[-1].select(*_LEVELS, pl.col("id").alias("category_id"))
    with_leaf = keyed.join(leaf, on=list(_LEVELS), how="left").sort("product_id")
    tree = pl.concat(level.with_columns(_slug(pl.col("path"))).select(columns) for level in levels)
    return tree, with_leaf


def _distinct(nodes: pl.DataFrame) -> pl.DataFrame:
    """Two phrases may make one label: the later ones get a number."""
    nth = pl.int_range(pl.len()).over("path")
    return nodes.with_columns(
        pl.when(nth > 0).then(pl.col("path") + "_" + (nth + 1).cast(pl.String)).otherwise(pl.col("path")).alias("path")
    )


def _slug(path: pl.Expr) -> pl.Expr:
    return path.str.replace_all("_", "-").str.replace_all(".", "--", literal=True).alias("slug")


def _products(products: pl.DataFrame, opened: datetime) -> pl.DataFrame:
    columns = ("product_id", "manufacturer_id", "size", "department", "type_name")
    attributes = [
        json.dumps({"size": size, "maker": str(maker), "type": kind, "department": titles.department(department)})
        for _, maker, size, department, kind in products.select(columns).iter_rows()
    ]
    handles = [f"{titles.slug(title)}-{source}" for title, source in products.select("title", "product_id").iter_rows()]
    return products.select(
        "id",
        "category_id",
        pl.Series("handle", handles, dtype=pl.String),
        "title",
        pl.col("brand_name").alias("brand"),
        "status",
        (-pl.col("sold")).alias("rank"),
        pl.Series("attributes", attributes, dtype=pl.String),
        pl.when(
            pl.col("department").is_in(FOOD_DEPARTMENTS)
            & ~pl.col("product_category").fill_null("").str.contains(NOT_FOOD)
        )
        .then(pl.lit(FOOD))
        .otherwise(pl.lit("standard"))
        .alias("tax_class"),
        pl.lit(opened).alias("created_at"),
    )


def _stock(priced: pl.DataFrame, ids: SourceIds) -> pl.DataFrame:
    on_hand = (pl.col("weekly").fill_null(0) * COVER_WEEKS).ceil().cast(pl.Int64).clip(lower_bound=LEAST_ON_HAND)
    return priced.select(
        ids.column("stock", priced["product_id"]).alias("id"),
        pl.lit(str(ids.of("warehouse", "main"))).alias("warehouse_id"),
        "variant_id",
        (pl.col("sold") + on_hand).alias("received"),
        on_hand.alias("available"),
        "sold",
        pl.col("product_id").alias("source"),
    )
