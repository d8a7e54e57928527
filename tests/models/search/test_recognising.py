"""Which of the tenant's own things a query names."""

from __future__ import annotations

import pytest

from models.search.recognising import Names

NAMES = Names.of([(name, name) for name in ("Nike", "New", "New Balance", "L'Oréal", "3M", "--")])


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("nike shoes", ["Nike"]),
        ("red NEW balance shoes", ["New Balance"]),
        ("new shoes of 3m", ["New", "3M"]),
        ("l'oreal shampoo", ["L'Oréal"]),
        ("nikes", []),
        ("", []),
        ("nike and nike", ["Nike"]),
    ],
)
def test_the_longest_name_at_each_place_is_meant(query: str, named: list[str]) -> None:
    assert NAMES.named(query) == named


def test_of_two_of_one_name_the_first_is_meant_and_of_nothing_nothing() -> None:
    assert Names.of([("1", "Acme"), ("2", "ACME")]).named("acme") == ["1"]
    assert Names().named("acme") == []
