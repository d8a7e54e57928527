"""Loading a fashion shop's open catalogue: a folder with `products.parquet` and `thumbnails/`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import fsspec
import polars as pl

from foundation.naming import picture_path
from foundation.progress import Progress, silent
from foundation.settings import Settings
from tradewind.data import catalogue, tenants, terms, titles
from tradewind.data.bulk import Loader, loading
from tradewind.data.ids import SourceIds
from tradewind.data.report import LoadReport, timed
from tradewind.data.tenants import FASHION
from tradewind.errors import StackError

ON_HAND = 20
_COLUMNS = (
    "id",
    "handle",
    "title",
    "product_type",
    "category_full_path",
    "tags",
    "description",
    "price_min_usd",
    "in_stock_any",
    "review_count",
    "created_at",
)


class NotACatalogue(StackError):
    """The folder does not hold what a catalogue consists of."""


def load_fashion(settings: Settings, path: Path, *, progress: Progress = silent) -> LoadReport:
    """Load the catalogue in `path`: categories, products, prices, stock, and the photographs into the object store.

    Raises:
        NotACatalogue: when `path` has no `products.parquet`.
    """
    file = path / "products.parquet"
    if not file.is_file():
        raise NotACatalogue(f"{path} has no products.parquet.")
    report, ids = LoadReport(FASHION.slug), FASHION.ids
    tenants.create(settings.require("database_owner_url", "Postgres"), FASHION)
    source = pl.read_parquet(file, columns=list(_COLUMNS)).unique("handle", maintain_order=True)
    with timed(report), loading(settings) as connection:
        images = _store_photographs(settings, path / "thumbnails", source["handle"], progress)
        products = _prepare(source, images, ids)
        loader = Loader(connection, FASHION.id, report, progress, 5 * source.height)
        with loader.transaction():
            for table, frame in _frames(products, ids).items():
                loader.insert(table, frame)
            loader.connection.execute("SELECT index_products(%s::uuid[])", (products["id"].to_list(),))
            terms.enter(loader, FASHION.slug, ids)
        report.notes.append(f"{len(images):,} photographs are in the object store.")
    return report


def image_key(handle: str) -> str:
    """Where a product's photograph lies in the object store."""
    return picture_path(FASHION.slug, f"{handle}.jpg")


def _store_photographs(settings: Settings, folder: Path, handles: Iterable[str], progress: Progress) -> dict[str, str]:
    """Copy what is not there yet; says which key each handle has."""
    store, root = fsspec.url_to_fs(settings.require("objects_url", "The object store"))
    wanted = {handle: folder / f"{handle}.jpg" for handle in handles}
    found = {handle: file for handle, file in wanted.items() if file.is_file()}
    target = f"{root.rstrip('/')}/{picture_path(FASHION.slug)}"
    store.makedirs(target, exist_ok=True)
    there = {Path(name).name for name in store.ls(target, detail=False, refresh=True)}
    for done, file in enumerate(found.values(), start=1):
        if file.name not in there:
            # Under its name only when it is whole: a copy that is cut short must not count as there.
            store.pipe_file(f"{target}/.{file.name}", file.read_bytes())
            store.mv(f"{target}/.{file.name}", f"{target}/{file.name}")
        if done % 100 == 0:
            progress(done, len(found), "photographs")
    return {handle: image_key(handle) for handle in found}


def _prepare(source: pl.DataFrame, images: dict[str, str], ids: SourceIds) -> pl.DataFrame:
    paths = [_levels(path, kind) for path, kind in source.select("category_full_path", "product_type").iter_rows()]
    attributes = [
        json.dumps({"type": kind or "", "tags": [tag.strip() for tag in (tags or "").split("|") if tag.strip()]})
        for kind, tags in source.select("product_type", "tags").iter_rows()
    ]
    return source.with_columns(
        pl.col("id").alias("source"),
        ids.column("product", source["id"]).alias("id"),
        ids.column("variant", source["id"]).alias("variant_id"),
        pl.Series("category", [_path(levels) for levels in paths]),
        pl.Series("levels", paths, dtype=pl.List(pl.String)),
        pl.Series("image", [images.get(handle) for handle in source["handle"]], dtype=pl.String),
        pl.Series("attributes", attributes),
        (pl.col("price_min_usd") * 100).round().cast(pl.Int64).alias("price"),
        pl.lit(0).alias("sold"),
        pl.when("in_stock_any").then(ON_HAND).otherwise(0).alias("on_hand"),
    )


def _frames(products: pl.DataFrame, ids: SourceIds) -> dict[str, pl.DataFrame]:
    warehouse = str(ids.of("warehouse", "main"))
    stock = products.select(
        ids.column("stock", products["source"]).alias("id"),
        pl.lit(warehouse).alias("warehouse_id"),
        "variant_id",
        pl.col("on_hand").alias("received"),
        pl.col("on_hand").alias("available"),
        "sold",
        "source",
    )
    opened = products["created_at"].str.to_datetime(time_zone="UTC").min()
    if not isinstance(opened, datetime):
        raise NotACatalogue("The catalogue has no products.")
    return {
        "category": _categories(products, ids),
        "product": products.select(
            "id",
            ids.look_up("category", products["category"]).alias("category_id"),
            "handle",
            "title",
            pl.col("description").fill_null(""),
            (-pl.col("review_count").fill_null(0)).cast(pl.Int64).alias("rank"),
            "image",
            "attributes",
            "created_at",
        ),
        "variant": products.select(
            pl.col("variant_id").alias("id"), pl.col("id").alias("product_id"), pl.col("source").alias("sku")
        ),
        "price": products.select(
            ids.column("price", products["source"], FASHION.currency).alias("id"),
            "variant_id",
            pl.lit(FASHION.currency).alias("currency"),
            pl.col("price").alias("amount"),
        ),
        "warehouse": pl.DataFrame({"id": [warehouse], "code": ["main"], "name": ["Main warehouse"]}),
        "stock": stock.drop("source"),
        "stock_movement": catalogue.movements(stock, ids, opened),
    }


def _levels(path: str | None, kind: str | None) -> list[str]:
    """`Apparel & Accessories > Clothing > Dresses` as its names, without the root that all share."""
    names = [name.strip() for name in (path or "").split(">") if name.strip()]
    if len(names) > 1:
        names = names[1:]
    return names or [kind or "Other"]


def _path(levels: list[str]) -> str:
    return ".".join(titles.slug(name).replace("-", "_") for name in levels)


def _categories(products: pl.DataFrame, ids: SourceIds) -> pl.DataFrame:
    """Every node from the roots down, counting the products at and below it."""
    names: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for levels in products["levels"].to_list():
        for depth in range(len(levels)):
            path = _path(levels[: depth + 1])
            names.setdefault(path, levels[depth])
            counts[path] += 1
    paths = sorted(names, key=lambda path: (path.count("."), path))
    return pl.DataFrame(
        {
            "id": ids.column("category", paths),
            "parent_id": [str(ids.of("category", path.rpartition(".")[0])) if "." in path else None for path in paths],
            "path": paths,
            "name": [names[path] for path in paths],
            "slug": [path.replace("_", "-").replace(".", "--") for path in paths],
            "depth": [path.count(".") for path in paths],
            "product_count": [counts[path] for path in paths],
        },
        schema_overrides={"parent_id": pl.String},
    )
