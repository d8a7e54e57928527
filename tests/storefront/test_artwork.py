"""Every product has a picture, the same each time."""

from __future__ import annotations

from uuid import UUID
from xml.etree import ElementTree as ET

import pytest

from storefront.artwork import draw
from storefront.motifs import MOTIFS, choose

ONE, OTHER = UUID(int=1), UUID(int=2**127)
PATH = ("Grocery", "Soup", "Condensed soup")


def test_a_product_is_drawn_the_same_each_time_and_unlike_another() -> None:
    assert draw(ONE, "Condensed soup, 10 oz", PATH) == draw(ONE, "Condensed soup, 10 oz", PATH)
    assert draw(ONE, "Condensed soup, 10 oz", PATH) != draw(OTHER, "Condensed soup, 10 oz", PATH)


@pytest.mark.parametrize(
    "title", ['<script>alert("1")</script> & co', "", "  ", "x" * 200, "Crème brûlée, 2 ct", "a " * 90]
)
def test_any_title_gives_well_formed_svg(title: str) -> None:
    root = ET.fromstring(draw(ONE, title, ()))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.attrib["aria-label"] == title
    assert not root.findall(".//{http://www.w3.org/2000/svg}script")


@pytest.mark.parametrize(
    ("title", "path", "motif"),
    [
        ("White milk, 1 gal", ("Grocery", "Milk"), "carton"),
        ("Bananas", ("Fruit and vegetables",), "banana"),
        ("Condensed soup, 10.75 oz", PATH, "can"),
        ("Large eggs, 1 dozen", ("Grocery", "Eggs"), "eggs"),
        ("Domestic wine", ("Wine and spirits",), "wine"),
        ("Head lettuce", ("Fruit and vegetables", "Salad mix"), "leaf"),
        ("Premium ice cream", ("Grocery", "Ice cream"), "frozen"),
        ("Adult analgesics", ("Health and home", "Analgesics"), "pills"),
        ("Something nobody named", (), "box"),
    ],
)
def test_the_words_of_a_product_choose_its_shape(title: str, path: tuple[str, ...], motif: str) -> None:
    assert choose(title, path) == motif


@pytest.mark.parametrize("name", sorted(MOTIFS))
def test_every_shape_is_well_formed(name: str) -> None:
    ET.fromstring(f"<svg>{MOTIFS[name].svg}</svg>")


def test_the_label_says_what_it_is() -> None:
    root = ET.fromstring(draw(ONE, "Peanut butter, store brand, 18 oz", ("Grocery", "Peanut butter and jam")))
    assert " ".join(root.itertext()).split() == ["Peanut", "butter"]
