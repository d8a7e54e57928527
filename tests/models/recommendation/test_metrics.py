from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from models.intervals import difference_interval, mean_interval
from models.recommendation.metrics import (
    coverage,
    coverage_interval,
    hits,
    ndcg,
    recall,
)

TARGETS = sparse.csr_array(np.array([[0, 1, 0, 1, 0], [1, 0, 0, 0, 0]], dtype=np.float32))
COUNTS = np.array([2, 1])


def test_a_place_hits_when_its_product_was_bought_and_an_empty_place_never_does():
    recommended = np.array([[1, 0, 3], [2, -1, -1]])
    assert hits(recommended, TARGETS).tolist() == [[True, False, True], [False, False, False]]


def test_recall_is_the_share_of_what_was_bought():
    hit = np.array([[True, False, False], [True, False, False]])
    assert recall(hit, COUNTS).tolist() == [0.5, 1.0]


def test_ndcg_equals_the_value_worked_out_by_hand():
    hit = np.array([[False, True, True]])
    by_hand = (1 / np.log2(3) + 1 / np.log2(4)) / (1 / np.log2(2) + 1 / np.log2(3))
    assert ndcg(hit, np.array([2]))[0] == pytest.approx(by_hand)


def test_ndcg_is_one_when_the_list_is_too_short_for_all_that_was_bought_but_holds_nothing_else():
    assert ndcg(np.array([[True, True, True]]), np.array([50]))[0] == pytest.approx(1.0)


@given(st.lists(st.booleans(), min_size=1, max_size=20), st.integers(0, 30))
def test_ndcg_and_recall_stay_between_nothing_and_everything(places: list[bool], more: int):
    hit, targets = np.array([places]), np.array([max(sum(places) + more, 1)])
    assert 0 <= ndcg(hit, targets)[0] <= 1 + 1e-12
    assert 0 <= recall(hit, targets)[0] <= 1


@given(st.lists(st.booleans(), min_size=2, max_size=20), st.data())
def test_a_hit_that_moves_up_never_lowers_ndcg(places: list[bool], data: st.DataObject):
    at = data.draw(st.integers(1, len(places) - 1))
    up = places.copy()
    up[at - 1], up[at] = max(places[at - 1], places[at]), min(places[at - 1], places[at])
    targets = np.array([max(sum(places), 1)])
    assert ndcg(np.array([up]), targets)[0] >= ndcg(np.array([places]), targets)[0]


def test_coverage_counts_a_product_once_however_often_it_is_shown():
    assert coverage(np.array([[0, 1, -1], [1, 0, 2]]), 10) == pytest.approx(0.3)


def test_the_interval_of_a_mean_holds_it_and_narrows_with_more_shoppers():
    random = np.random.default_rng(1)
    few, many = mean_interval(random.random(50)), mean_interval(random.random(5000))
    assert few.low < few.value < few.high
    assert many.high - many.low < (few.high - few.low) / 5


def test_the_interval_of_a_mean_agrees_with_the_normal_one_on_many_shoppers():
    values = np.random.default_rng(2).random(4000)
    interval = mean_interval(values)
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert interval.high - interval.value == pytest.approx(half, rel=0.15)
    assert interval.value - interval.low == pytest.approx(half, rel=0.15)


def test_a_paired_difference_sees_what_two_separate_intervals_cannot():
    theirs = np.random.default_rng(3).random(300)
    ours = theirs + 0.01
    assert mean_interval(ours).low < mean_interval(theirs).high
    assert difference_interval(ours, theirs).low > 0


def test_a_model_does_not_differ_from_itself():
    values = np.random.default_rng(4).random(300)
    assert difference_interval(values, values) == (0, 0, 0)


def test_the_interval_of_coverage_holds_the_coverage_though_resamples_cover_less():
    recommended = np.random.default_rng(5).integers(0, 2000, (200, 20))
    interval = coverage_interval(recommended, 2000)
    assert interval.low <= interval.value <= interval.high
