"""Grades of ranked answers, against values worked out by hand."""

from __future__ import annotations

import pytest

from models.search.metrics import dcg, ndcg, recall, reciprocal_rank


def test_gain_is_two_to_the_grade_less_one_discounted_by_place() -> None:
    assert dcg([3, 0, 1], k=10) == pytest.approx(7 / 1 + 0 + 1 / 2)
    assert dcg([3, 0, 1], k=1) == 7


def test_the_best_order_has_one_and_the_worst_less() -> None:
    judged = [0, 3, 1]
    assert ndcg([3, 1, 0], judged, k=10) == 1
    assert 0 < ndcg([0, 1, 3], judged, k=10) < 1
    assert ndcg([], judged, k=10) == 0


def test_a_query_without_a_relevant_product_has_none_of_it() -> None:
    assert ndcg([0, 0], [0, 0], k=10) == recall([0, 0], [0, 0], k=10) == 0


def test_the_first_relevant_place_counts() -> None:
    assert reciprocal_rank([0, 0, 2, 3]) == pytest.approx(1 / 3)
    assert reciprocal_rank([0, 0]) == 0


def test_recall_is_the_share_of_the_relevant() -> None:
    assert recall([1, 0, 3], [1, 2, 3, 0], k=10) == pytest.approx(2 / 3)
    assert recall([1, 0, 3], [1, 2, 3, 0], k=1) == pytest.approx(1 / 3)
