"""Judged sets in two files."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from models.search import dataset
from models.search.dataset import UnreadableSet, misspelt


def written(folder: Path, products: dict[str, list[object]], judgements: str) -> Path:
    pl.DataFrame(products).write_parquet(folder / "shop_products.parquet")
    (folder / "shop_judgements.csv").write_text(judgements)
    return folder


def test_a_set_is_read_whatever_columns_it_has(tmp_path: Path) -> None:
    attributes = [json.dumps({"t_colour": "red", "b_wi_fi": True}), None]
    products = {"id": [1, 2], "title": ["Tea", "Coffee"], "ean": [["40"], None], "attributes": attributes}
    folder = written(tmp_path, products, "query,docid,rating\ntea,1,3\ntea,2,0\nsoup,2,0\ntea,99,3\n")

    (file,) = dataset.find(folder)
    judged = dataset.load(file)

    assert judged.name == "shop"
    assert judged.judgements == {"tea": {"1": 3.0, "2": 0.0}}
    assert judged.unanswerable == 1
    assert judged.documents[0].attributes == {"colour": "red", "wi_fi": True}
    assert judged.documents[0].gtins == ("40",)
    assert judged.documents[1].attributes == {}


@pytest.mark.parametrize(
    ("products", "judgements", "told"),
    [
        ({"id": ["1"]}, "query,docid,rating\ntea,1,3\n", "lacks title"),
        ({"id": ["1"], "title": ["Tea"]}, "query,docid\ntea,1\n", "lacks rating"),
        ({"id": ["1"], "title": ["Tea"]}, "query,docid,rating\ntea,1,0\n", "no query with a relevant product"),
    ],
)
def test_what_is_wrong_with_a_set_is_said(
    tmp_path: Path, products: dict[str, list[object]], judgements: str, told: str
) -> None:
    (file,) = dataset.find(written(tmp_path, products, judgements))
    with pytest.raises(UnreadableSet, match=told):
        dataset.load(file)


def test_a_folder_without_a_set_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSet):
        dataset.find(tmp_path)


def test_a_slip_is_one_edit_the_same_each_time_and_never_in_the_first_letter() -> None:
    slips = {query: misspelt(query) for query in ("headphones", "gaming laptop", "coffee", "hdmi cable", "tablet")}
    assert all(
        slip != query and slip[0] == query[0] and abs(len(slip) - len(query)) <= 1 for query, slip in slips.items()
    )
    assert slips == {query: misspelt(query) for query in slips}
    assert any(misspelt(query, seed=1) != slip for query, slip in slips.items())


@pytest.mark.parametrize("query", ["usb", "ps4", "aa", "iphone8"])
def test_short_words_and_names_of_models_are_spelt_as_they_are(query: str) -> None:
    assert misspelt(query) == query
