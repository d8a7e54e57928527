"""Ways to search, graded and tuned on a small set whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from models.search.blending import NOT_FOUND
from models.search.dataset import JudgedSet
from models.search.documents import Document
from models.search.encoder import Encoder
from models.search.evaluate import grade
from models.search.laboratory import Laboratory
from models.search.spec import Metric, Parameters
from models.search.tune import Exam, folds, tune
from tests.models.search.conftest import CATALOGUE

JUDGEMENTS = {
    "couch potato": {"kettle": 1.0},
    "portable computer": {"laptop": 3.0, "bag": 1.0, "kettle": 0.0},
    "1.5l drink": {"juice": 3.0, "kettle": 1.0},
    "laptop": {"laptop": 3.0, "bag": 1.0, "shoe": 0.0},
    "sneakers": {"shoe": 3.0, "mouse": 0.0},
    "kingston card": {"card": 3.0, "shoe": 0.0},
}


@pytest.fixture(scope="module")
def laboratory(encoder: Encoder) -> Laboratory:
    judged = JudgedSet("small", CATALOGUE, JUDGEMENTS, 0)
    return Laboratory(judged, encoder, encoder.encode([document.sentence for document in CATALOGUE]))


def first(laboratory: Laboratory, scores: np.ndarray) -> str:
    return laboratory.judged.documents[int(scores.argmax())].id


def test_words_find_what_has_them_and_nothing_else(laboratory: Laboratory) -> None:
    scores = laboratory.by_words(laboratory.read("sneakers", corrected=False), Parameters())
    assert (scores == NOT_FOUND).all()


def test_the_meaning_finds_what_has_other_words(laboratory: Laboratory) -> None:
    query = laboratory.read("sneakers", corrected=False)
    assert first(laboratory, laboratory.by_meaning(query)) == "shoe"
    assert first(laboratory, laboratory.by_both(query, Parameters())) == "shoe"


def test_a_misspelt_query_is_answered_as_the_right_one(laboratory: Laboratory) -> None:
    right = laboratory.by_both(laboratory.read("wireless mouse", corrected=False), Parameters())
    wrong = laboratory.by_both(laboratory.read("wireles mouse", corrected=True), Parameters())
    assert wrong == pytest.approx(right)


def test_the_grades_are_those_of_the_order(laboratory: Laboratory) -> None:
    def perfect(query: str) -> np.ndarray:
        return np.array([JUDGEMENTS[query].get(document.id, -1.0) for document in CATALOGUE])

    def nothing(query: str) -> np.ndarray:
        return np.full(len(CATALOGUE), NOT_FOUND)

    best = {metric: figure.value for metric, figure in grade(laboratory.judged, perfect).figures.items()}
    worst = {metric: figure.value for metric, figure in grade(laboratory.judged, nothing).figures.items()}

    assert best == dict.fromkeys(Metric, 1.0) | {Metric.NOTHING_FOUND: 0.0}
    assert worst[Metric.NDCG] == worst[Metric.RECALL] == worst[Metric.RECIPROCAL_RANK] == 0
    assert worst[Metric.NOTHING_FOUND] == 1


def test_what_nobody_judged_is_no_answer_in_the_whole_and_not_there_among_the_rated() -> None:
    judged = JudgedSet("one", [Document("a", "tea"), Document("b", "tea")], {"tea": {"b": 3.0}}, 0)
    figures = grade(judged, lambda query: np.array([2.0, 1.0])).figures
    assert figures[Metric.RATED_NDCG].value == 1
    assert figures[Metric.NDCG].value < 1


def test_every_query_is_graded_once_and_never_by_what_it_helped_to_choose() -> None:
    queries = [f"query {number}" for number in range(23)]
    parted = list(folds(queries))
    assert sorted(query for _, graded in parted for query in graded) == sorted(queries)
    assert all(not set(on) & set(graded) and len(on) + len(graded) == 23 for on, graded in parted)


def test_what_is_chosen_is_at_least_as_good_on_the_queries_it_was_chosen_on(laboratory: Laboratory) -> None:
    def reached(how: Parameters) -> float:
        report = grade(
            laboratory.judged, lambda query: laboratory.by_both(laboratory.read(query, corrected=False), how)
        )
        return report.figures[Metric.NDCG].value + report.figures[Metric.RATED_NDCG].value

    start = Parameters(meaning=0.3)
    assert reached(tune(Exam(laboratory), list(JUDGEMENTS), start=start)) >= reached(start)
