"""A catalogue of as many products as are wanted: the grocer's real ones, again and again, each time by other makers.

Titles, categories, sizes and the names of makers are real; which maker, size, price and stock a copy has is drawn with
a fixed seed. So the same number of products is the same catalogue everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import psycopg

from foundation.progress import Progress, silent
from foundation.settings import Settings
from tradewind.data import catalogue, history, source, tenants, titles
from tradewind.data.bulk import Loader, loading
from tradewind.data.catalogue import Catalogue
from tradewind.data.report import LoadReport, timed
from tradewind.data.tenants import Shop

BAZAAR = Shop("bazaar", "Bazaar", ("bazaar.localhost",))
PACKS = (1, 6, 12)
"""How many of it the variants of a product hold; a product has the first so many of them."""
_KIND = "grocery"
_SEED = 7
_SOLD_OUT = 0.1
_MOST_ON_HAND = 200
_CHEAPEST, _DEAREST = 0.8, 1.25
"""What a copy costs, as a share of the original's price."""
_PACK_DISCOUNT = 0.95
_INDEX_BATCH = 5_000
_TABLES = ("product", "variant", "price", "stock", "stock_movement")


@dataclass(frozen=True, slots=True)
class _Original:
    """The products that are copied, and what a copy can be of."""

    products: pl.DataFrame
    makers: tuple[str, ...]
    sizes: tuple[str, ...]


def load_multiplied(
    settings: Settings, products: int, *, households: int | None = None, progress: Progress = silent
) -> LoadReport:
    """Load the bazaar with `products` products, copies of those that were ever sold; what is there already stays.

    `households` copies only what the first so many bought.

    Raises:
        EngineNotConfigured: Postgres has no address.
    """
    owner_url = settings.require("database_owner_url", "Postgres")
    tenants.create(owner_url, BAZAAR)
    report = LoadReport(BAZAAR.slug)
    with timed(report), loading(settings) as connection:
        journey = source.read(households)
        goods = catalogue.build(journey, BAZAAR.ids, BAZAAR.currency, history.began(journey))
        original = _original(goods)
        copies = -(-products // original.products.height)
        loader = Loader(connection, BAZAAR.id, report, silent, 0)
        with loader.transaction():
            loader.insert("category", goods.category.with_columns(pl.col("product_count") * copies))
            loader.insert("warehouse", goods.warehouse)
            for table, frame in _kind(original).items():
                loader.insert(table, frame)
        left = products
        for copy in range(copies):
            left -= _load(loader, _copy(original, copy, left))
            progress(products - left, products, "products")
        with psycopg.connect(owner_url, autocommit=True) as owner:
            owner.execute("VACUUM (ANALYZE)")
    return report


def _load(loader: Loader, frames: dict[str, pl.DataFrame]) -> int:
    """Everything of one copy, or nothing; says how many products those are."""
    with loader.transaction():
        for table in _TABLES:
            loader.insert(table, frames[table])
        ids = frames["product"]["id"].to_list()
        for batch in _batches(ids):
            loader.connection.execute("SELECT index_products(%s::uuid[])", (batch,))
    return len(ids)


def _batches(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), _INDEX_BATCH):
        yield ids[start : start + _INDEX_BATCH]


def _original(goods: Catalogue) -> _Original:
    products = (
        goods.product.filter(pl.col("status") == "published")
        .join(goods.variant.select(pl.col("product_id").alias("id"), "sku"), on="id")
        .join(goods.names.select(pl.col("product_id").cast(pl.String).alias("sku"), "list_price"), on="sku")
        .with_columns(pl.col("attributes").str.json_decode(_ATTRIBUTES))
    )
    said = products["attributes"].struct.unnest()
    return _Original(
        products,
        tuple(sorted(said["maker"].drop_nulls().unique())),
        tuple(sorted(said["size"].drop_nulls().unique())),
    )


_ATTRIBUTES = pl.Struct({"size": pl.String, "maker": pl.String, "type": pl.String, "department": pl.String})


def _kind(original: _Original) -> dict[str, pl.DataFrame]:
    """The one type of product, whose attributes are chosen from what the source says."""
    ids, said = BAZAAR.ids, original.products["attributes"].struct.unnest()
    choices = {"size": original.sizes, "department": sorted(said["department"].drop_nulls().unique())}
    attributes = [
        (str(ids.of("attribute", code)), code, code.capitalize(), "choice", json.dumps(_choices(names)))
        for code, names in choices.items()
    ]
    kind = str(ids.of("product_type", _KIND))
    return {
        "attribute": pl.DataFrame(attributes, ["id", "code", "name", "kind", "choices"], orient="row"),
        "product_type": pl.DataFrame({"id": [kind], "code": [_KIND], "name": [_KIND.capitalize()]}),
        "product_type_attribute": pl.DataFrame(
            [(kind, attribute[0], position) for position, attribute in enumerate(attributes)],
            ["type_id", "attribute_id", "position"],
            orient="row",
        ),
    }


def _choices(names: Sequence[str]) -> list[dict[str, str | None]]:
    return [{"code": titles.slug(name), "name": name, "colour": None} for name in names]


def _copy(original: _Original, number: int, most: int) -> dict[str, pl.DataFrame]:
    """The frames of one copy's tables, of `most` products at most."""
    draw = np.random.default_rng((_SEED, number))
    products = original.products.head(most)
    count = products.height
    keys = [f"{sku}-{number}" for sku in products["sku"]]
    sizes = [original.sizes[one] for one in draw.integers(0, len(original.sizes), count)]
    copied = products.select(
        BAZAAR.ids.column("product", keys).alias("id"),
        "category_id",
        pl.Series("handle", map("{}-{}".format, map(titles.slug, products["title"]), keys), dtype=pl.String),
        "title",
        pl.Series("brand", [f"Maker {original.makers[one]}" for one in draw.integers(0, len(original.makers), count)]),
        "status",
        "rank",
        pl.lit(str(BAZAAR.ids.of("product_type", _KIND))).alias("type_id"),
        pl.Series("attributes", map(_said, sizes, products["attributes"]), dtype=pl.String),
        "tax_class",
        "created_at",
    )
    amounts = products["list_price"].to_numpy() * draw.uniform(_CHEAPEST, _DEAREST, count)
    packs = pl.DataFrame(
        {
            "product_id": copied["id"],
            "key": keys,
            "size": sizes,
            "amount": amounts,
            "position": [list(range(most)) for most in draw.integers(1, len(PACKS) + 1, count)],
        }
    ).explode("position")
    return {"product": copied, **_sold(packs, draw)}


def _said(size: str, original: Mapping[str, str]) -> str:
    said = {**original, "size": size}
    return json.dumps({code: titles.slug(said[code]) for code in ("size", "department")})


def _sold(packs: pl.DataFrame, draw: np.random.Generator) -> dict[str, pl.DataFrame]:
    """The variants, what they cost, and what is there of each."""
    ids, keys = BAZAAR.ids, packs.select(pl.format("{}-{}", "key", "position"))["key"]
    held = pl.col("position").replace_strict(dict(enumerate(PACKS)), return_dtype=pl.Int64)
    on_hand = draw.integers(1, _MOST_ON_HAND, packs.height) * (draw.random(packs.height) >= _SOLD_OUT)
    variants = packs.with_columns(
        ids.column("variant", keys).alias("id"), keys.alias("sku"), held.alias("held"), pl.Series("on_hand", on_hand)
    )
    stock_ids = ids.column("stock", keys)
    stock = variants.select(
        stock_ids.alias("id"),
        pl.lit(str(ids.of("warehouse", "main"))).alias("warehouse_id"),
        pl.col("id").alias("variant_id"),
        pl.col("on_hand").alias("received"),
        pl.col("on_hand").alias("available"),
    )
    dearer = pl.when(pl.col("held") > 1).then(_PACK_DISCOUNT).otherwise(1.0) * pl.col("held")
    return {
        "variant": variants.select(
            "id",
            "product_id",
            "sku",
            pl.when(pl.col("held") > 1).then(pl.format("{} pack/{}", "held", "size")).otherwise("size").alias("title"),
            "position",
        ),
        "price": variants.select(
            ids.column("price", keys).alias("id"),
            pl.col("id").alias("variant_id"),
            pl.lit(BAZAAR.currency).alias("currency"),
            (pl.col("amount") * dearer).round().clip(1).cast(pl.Int64).alias("amount"),
        ),
        "stock": stock,
        "stock_movement": stock.filter(pl.col("received") > 0).select(
            pl.col("id"),
            pl.col("id").alias("stock_id"),
            pl.lit("receive").alias("kind"),
            pl.col("received").alias("quantity"),
        ),
    }
