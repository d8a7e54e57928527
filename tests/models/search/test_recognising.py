"""Which of the tenant's own things a query names."""

from __future__ import annotations

import pytest

from foundation.steering import Synonym
from models.search.recognising import Names, Thing, named, stemmed

BRANDS = Names.of(
    (Thing("brand", name), name) for name in ("Nike", "New", "New Balance", "L'Oréal", "3M", "--", "Watch")
)
CATEGORIES = Names.of(
    [
        (Thing("category", key), name)
        for key, name in (
            ("men", "Shoes"), ("men", "Chaussures"), ("women", "shoe"), ("running", "Running shoes"),
            ("watches", "Watches"), ("tv", "Televisions"),
        )
    ],
    stemmed("en"),
    (
        Synonym(phrases=("television", "tv")),
        Synonym(phrases=("running shoe",), written="sneaker"),
        Synonym(phrases=("screen", "monitor")),
    ),
)  # fmt: skip


@pytest.mark.parametrize(
    ("query", "things"),
    [
        ("nike", [["Nike"]]),
        ("red NEW balance", [["New Balance"]]),
        ("new mug of 3m", [["New"], ["3M"]]),
        ("l'oreal shampoo", [["L'Oréal"]]),
        ("nikes", []),
        ("", []),
        ("nike and nike", [["Nike"], ["Nike"]]),
        ("red shoes", [["men", "women"]]),
        ("a Shoe by nike", [["men", "women"], ["Nike"]]),
        ("chaussures rouges", [["men"]]),
        ("trail running shoe", [["running"]]),
        ("gold watch", [["Watch", "watches"]]),
        ("gold watches", [["watches"]]),
        ("big tv", [["tv"]]),
        ("white sneakers", [["running"]]),
        ("screen", []),
    ],
)
def test_the_longest_name_at_each_place_is_meant_and_all_that_are_called_so(
    query: str, things: list[list[str]]
) -> None:
    assert [[thing.value for thing in phrase.things] for phrase in named(query, BRANDS, CATEGORIES)] == things


def test_where_nothing_has_a_name_nothing_is_named() -> None:
    assert named("acme", Names()) == named("acme") == []
