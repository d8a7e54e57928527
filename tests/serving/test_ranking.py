"""Several lists as one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from serving.ranking import Candidate, fuse


def ranked(*products: str, source: str = "a") -> list[Candidate]:
    return [Candidate(product, 1.0 - place / 10, source) for place, product in enumerate(products)]


def test_one_list_is_left_as_it_is() -> None:
    only = ranked("x", "y")

    assert fuse({"history": only, "session": []}) == only


def test_what_two_lists_agree_on_comes_first() -> None:
    fused = fuse({"history": ranked("x", "both"), "session": ranked("y", "both", source="b")})

    assert [candidate.product_id for candidate in fused] == ["both", "x", "y"]


def test_a_product_keeps_the_source_that_ranks_it_highest() -> None:
    fused = fuse({"history": ranked("x", "y", "z"), "session": ranked("z", "q", source="b")})

    assert {one.product_id: one.source for one in fused} == {"x": "a", "y": "a", "z": "b", "q": "b"}


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), unique=True), max_size=4))
def test_fusion_loses_nothing_and_repeats_nothing(lists: list[list[str]]) -> None:
    fused = fuse({str(number): ranked(*products) for number, products in enumerate(lists)})

    products = [one.product_id for one in fused]
    assert len(products) == len(set(products))
    assert set(products) == {product for products in lists for product in products}
    assert [one.score for one in fused] == sorted((one.score for one in fused), reverse=True)
