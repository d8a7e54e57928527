"""Words and meaning as one score."""

from __future__ import annotations

import numpy as np
import pytest

from models.fusion import SMOOTHING, reciprocal_ranks
from models.search.blending import best, blend, moved

E = np.eye(3, dtype=np.float32)


def test_each_list_counts_by_its_share_of_its_own_best() -> None:
    scores = blend(np.array([4.0, 2.0, 0.0]), np.array([0.1, 0.5, -0.3]), 0.4)
    assert scores == pytest.approx([0.6 * 1 + 0.4 * 0.2, 0.6 * 0.5 + 0.4 * 1, 0])


def test_a_list_without_anything_leaves_the_other_to_decide() -> None:
    assert blend(np.zeros(3), np.array([0.2, 0.4, 0.1]), 0.5) == pytest.approx([0.25, 0.5, 0.125])


def test_a_question_moves_towards_what_it_found_by_the_scores() -> None:
    nearer = moved(E[0], E[1:], np.array([3.0, 1.0]), 1.0)
    assert np.linalg.norm(nearer) == pytest.approx(1)
    assert nearer[0] > nearer[1] > nearer[2] > 0


@pytest.mark.parametrize(
    ("found", "scores", "far"), [(E[:0], np.zeros(0), 1.0), (E, np.zeros(3), 1.0), (E, np.ones(3), 0)]
)
def test_a_question_stays_where_there_is_nothing_to_move_to(found: np.ndarray, scores: np.ndarray, far: float) -> None:
    question = E[0]
    assert moved(question, found, scores, far) is question


def test_the_best_are_in_order_and_what_is_not_found_is_left_out() -> None:
    assert best(np.array([1.0, 3.0, -np.inf, 3.0]), 10) == [1, 3, 0]
    assert best(np.array([1.0, 3.0, 2.0]), 2) == [1, 2]


def test_ranks_are_fused_by_their_reciprocals_and_weights() -> None:
    fused = reciprocal_ranks([(["a", "b"], 1.0), (["b"], 0.5)])
    assert fused == pytest.approx({"a": 1 / (SMOOTHING + 1), "b": 1 / (SMOOTHING + 2) + 0.5 / (SMOOTHING + 1)})
