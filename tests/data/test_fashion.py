"""A folder with a catalogue and photographs becomes the second shop."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from foundation.settings import Settings
from tests.conftest import DatabaseUrls
from tests.data.conftest import Query
from tradewind.data.fashion import NotACatalogue, load_fashion
from tradewind.data.tenants import FASHION, GROCER

PHOTOGRAPH = b"\xff\xd8\xff\xe0 not much of a picture"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop" / "thumbnails").mkdir(parents=True)
    pl.DataFrame(
        {
            "id": ["11", "12", "13"],
            "handle": ["boat-dress", "wrap-dress", "gold-ring"],
            "title": ["Boat dress", "Wrap dress", "Gold ring"],
            "product_type": ["Dresses", "Dresses", None],
            "category_full_path": [
                "Apparel > Clothing > Dresses",
                "Apparel > Clothing > Dresses",
                "Apparel > Jewellery",
            ],
            "tags": ["blue | casual", None, ""],
            "description": ["A dress.", None, "A ring."],
            "price_min_usd": [28.99, 31.0, 9.5],
            "in_stock_any": [True, False, True],
            "review_count": [7.0, None, 2.0],
            "created_at": ["2025-05-16T14:22:02Z"] * 3,
        }
    ).write_parquet(tmp_path / "shop" / "products.parquet")
    (tmp_path / "shop" / "thumbnails" / "boat-dress.jpg").write_bytes(PHOTOGRAPH)
    return tmp_path / "shop"


def test_products_have_prices_stock_and_their_place_in_the_tree(settings: Settings, folder: Path, query: Query) -> None:
    load_fashion(settings, folder)
    rows = query(
        "SELECT p.title, r.amount, s.available, c.path::text, p.rank FROM product p"
        " JOIN variant v ON v.product_id = p.id JOIN price r ON r.variant_id = v.id JOIN stock s ON s.variant_id = v.id"
        " JOIN category c ON c.id = p.category_id ORDER BY p.title",
        tenant_id=FASHION.id,
    )
    assert rows == [
        ("Boat dress", 2899, 20, "clothing.dresses", -7),
        ("Gold ring", 950, 20, "jewellery", -2),
        ("Wrap dress", 3100, 0, "clothing.dresses", 0),
    ]


def test_a_photograph_lies_in_the_object_store_under_the_key_of_its_product(
    settings: Settings, folder: Path, query: Query, tmp_path: Path
) -> None:
    load_fashion(settings, folder)
    keys: dict[str, str | None] = dict(query("SELECT handle, image FROM product", tenant_id=FASHION.id))
    assert keys["wrap-dress"] is None
    assert keys["boat-dress"] is not None
    assert (tmp_path / "objects" / keys["boat-dress"]).read_bytes() == PHOTOGRAPH


def test_loading_again_changes_nothing(settings: Settings, folder: Path) -> None:
    assert load_fashion(settings, folder).inserted > 0
    assert load_fashion(settings, folder).inserted == 0


def test_the_grocer_sees_none_of_it(settings: Settings, folder: Path, query: Query) -> None:
    load_fashion(settings, folder)
    assert query("SELECT count(*) FROM product", tenant_id=GROCER.id) == [(0,)]


def test_a_folder_without_a_catalogue_is_told_so(
    settings: Settings, tmp_path: Path, database_urls: DatabaseUrls
) -> None:
    with pytest.raises(NotACatalogue, match=r"products\.parquet"):
        load_fashion(settings, tmp_path)
