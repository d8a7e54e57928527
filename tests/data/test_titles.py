"""A shopper can read what the till prints."""

from __future__ import annotations

import pytest

from tradewind.data import titles


@pytest.mark.parametrize(
    ("kind", "category", "name"),
    [
        ("APPLE SAUCE", "FRUIT - SHELF STABLE", "Apple sauce"),
        ("BREAD:ITALIAN/FRENCH", "BREAD", "Italian or French bread"),
        ("FRZN FRENCH FRIES", "FRZN POTATOES", "Frozen french fries"),
        ("MEAT:HAM BULK", "DELI MEATS", "Sliced ham"),
        ("APPLES GALA (BULK&BAG)", "APPLES", "Gala apples"),
        ("PREMIUM", "ICE CREAM/MILK/SHERBTS", "Premium ice cream"),
        ("MISCELLANEOUS", "LUNCHMEAT", "Assorted lunchmeat"),
        ("EGGS - LARGE", "EGGS", "Large eggs"),
        ("FRZN BROCCOLI - CUT", "FRZN VEGETABLE/VEG DSH", "Frozen broccoli cut"),
        ("PIES: CREAM/MERINGUE", "PIES", "Cream meringue pies"),
        (None, None, "Other"),
    ],
)
def test_a_type_is_read_in_plain_words(kind: str | None, category: str | None, name: str) -> None:
    assert titles.product_type(kind, category) == name


@pytest.mark.parametrize(
    ("printed", "read"),
    [("16 OZ", "16 oz"), (".5 OZ", "0.5 oz"), ("12 PK/12 OZ", "12 pack/12 oz"), ("10.5 OZ", "10.5 oz"), (None, None)],
)
def test_a_size_is_read(printed: str | None, read: str | None) -> None:
    assert titles.size(printed) == read


def test_the_stores_own_brand_is_in_the_title() -> None:
    assert titles.title("Apple sauce", titles.brand("Private"), "50 oz") == "Apple sauce, store brand, 50 oz"
    assert titles.title("Apple sauce", titles.brand("National"), None) == "Apple sauce"


@pytest.mark.parametrize("text", ["Crème brûlée & more", "Women's magazine", "***", "a" * 200])
def test_a_slug_is_fit_for_an_address(text: str) -> None:
    slug = titles.slug(text)
    assert 0 < len(slug) <= 70
    assert set(slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
