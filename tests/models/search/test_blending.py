"""Words and meaning as one score."""

from __future__ import annotations

import numpy as np
import pytest

from models.fusion import SMOOTHING, reciprocal_ranks
from models.search.blending import NOT_FOUND, best, by_ranks, by_scores


def test_each_list_counts_by_its_share_of_its_own_best() -> None:
    scores = by_scores(np.array([4.0, 2.0, NOT_FOUND]), np.array([0.1, 0.5, -0.3]), 0.4)
    assert scores == pytest.approx([0.6 * 1 + 0.4 * 0.2, 0.6 * 0.5 + 0.4 * 1, 0])


def test_a_list_without_anything_leaves_the_other_to_decide() -> None:
    nothing, something = np.full(3, NOT_FOUND), np.array([0.2, 0.4, 0.1])
    assert by_scores(nothing, something, 0.5) == pytest.approx([0.25, 0.5, 0.125])
    assert best(by_ranks(nothing, something, 0.5), 10) == best(something, 10)


def test_what_both_find_comes_before_what_one_finds_first() -> None:
    words, meaning = np.array([3.0, 2.0, NOT_FOUND]), np.array([NOT_FOUND, 0.4, 0.9])
    assert best(by_ranks(words, meaning, 0.5), 10) == [1, 0, 2]
    assert best(by_ranks(words, meaning, 0.0), 10) == [0, 1, 2]


def test_the_best_are_in_order_and_what_is_not_found_is_left_out() -> None:
    assert best(np.array([1.0, 3.0, -np.inf, 3.0]), 10) == [1, 3, 0]
    assert best(np.array([1.0, 3.0, 2.0]), 2) == [1, 2]


def test_ranks_are_fused_by_their_reciprocals_and_weights() -> None:
    fused = reciprocal_ranks([(["a", "b"], 1.0), (["b"], 0.5)])
    assert fused == pytest.approx({"a": 1 / (SMOOTHING + 1), "b": 1 / (SMOOTHING + 2) + 0.5 / (SMOOTHING + 1)})
