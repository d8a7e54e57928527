"""What an index in memory finds, and that it goes on being right while products come and go."""

from __future__ import annotations

import numpy as np
import pytest

from models.search.documents import Document, identifier
from models.search.lexical import Bm25, Counts, InMemory, document_vector, query_vector
from models.search.postings import Catalogue, Postings, Reader, with_identifiers
from models.search.synonyms import Instead

TITLES = ("Laptop computer", "Laptop bag with laptop sleeve", "Wireless mouse", "Mouse mat", "Bag")
DOCUMENTS = [Document(str(at), title, description="for the road", skus=(f"S-{at}",)) for at, title in enumerate(TITLES)]
HOW = Bm25()


def read(documents: list[Document]) -> Catalogue:
    reader = Reader("en")
    for document in documents:
        reader.read(document)
    return reader.finished(HOW)


def asked(postings: Postings, *terms: str, share: float = 0, alive: int = len(TITLES)) -> dict[int, float]:
    found = postings.matching(query_vector(dict.fromkeys(terms, 1.0)), np.ones(alive, np.bool_), share=share)
    return dict(zip(found.rows.tolist(), found.scores.tolist(), strict=True))


def test_scores_are_those_that_were_measured() -> None:
    in_memory = InMemory([Counts.of(document, "en") for document in DOCUMENTS])
    for terms in (("laptop",), ("laptop", "bag"), ("mous", "road"), ("absent",)):
        scores = in_memory.scores(dict.fromkeys(terms, 1.0), HOW)
        expected = {at: float(score) for at, score in enumerate(scores) if score}
        assert asked(read(DOCUMENTS).postings, *terms) == pytest.approx(expected, rel=1e-3)


def test_a_product_must_have_enough_of_what_is_asked_and_what_nobody_has_is_not_asked() -> None:
    postings = read(DOCUMENTS).postings
    assert set(asked(postings, "wireless", "mous", share=0)) == {2, 3}
    # The rarer of the two words is more than half of it.
    assert set(asked(postings, "wireless", "mous", share=0.5)) == {2}
    assert set(asked(postings, "laptop", "bag", share=1)) == {1}
    assert set(asked(postings, "laptop", "absent", share=1)) == {0, 1}


def test_what_will_do_in_the_place_of_something_counts_as_that_where_a_product_has_all_of_it() -> None:
    postings = read(DOCUMENTS).postings

    def found(asked: str, *by: str, share: float = 1) -> set[int]:
        terms, alive = dict.fromkeys(asked.split(), 1.0), np.ones(len(TITLES), np.bool_)
        instead = [Instead((asked.split(maxsplit=1)[0],), tuple(each.split())) for each in by]
        return set(postings.matching(query_vector(terms), alive, share=share, instead=instead).rows.tolist())

    assert found("wireless", "laptop bag") == {1, 2}
    assert found("wireless mous", "mat") == {2, 3}
    assert found("wireless mous", "bag") == {2}
    assert found("absent", "laptop bag", "mat") == {1, 3}
    assert found("absent", "absent too") == set()


def test_coverage_is_the_largest_share_that_one_product_has_and_what_nobody_has_is_the_rarest() -> None:
    postings, alive = read(DOCUMENTS).postings, np.ones(len(TITLES), np.bool_)

    def covered(*terms: str) -> float:
        return postings.coverage(query_vector(dict.fromkeys(terms, 1.0)), alive)

    assert covered("laptop", "bag") == pytest.approx(1)
    assert covered() == covered("absent") == 0
    assert 0 < covered("laptop", "absent") < 0.5 < covered("wireless", "bag") < 1
    assert postings.coverage(query_vector({"laptop": 1.0}), ~alive) == 0


def test_numbers_are_found_exactly_and_never_as_words() -> None:
    postings = read(DOCUMENTS).postings
    assert postings.identified(identifier("s3")).tolist() == [3]
    assert postings.identified(identifier("s-33")).tolist() == []
    assert asked(postings, "=s3") == {3: 0.0}


def test_what_comes_later_is_found_as_if_it_had_been_there() -> None:
    whole, some = read(DOCUMENTS), read(DOCUMENTS[:3])
    for row, document in enumerate(DOCUMENTS[3:], start=3):
        vector = document_vector(Counts.of(document, "en"), whole.statistics, HOW)
        some.postings.add(row, with_identifiers(vector, document))
    packed = some.postings.renumbered(np.array([4, 3, -1, 1, 0], np.int32))

    assert set(asked(some.postings, "mous", "bag")) == set(asked(whole.postings, "mous", "bag"))
    assert some.postings.identified("s4").tolist() == [4]
    assert set(asked(packed, "mous", "bag")) == {1, 3, 0}
    assert packed.identified("s4").tolist() == [0]
    assert packed.identified("s2").tolist() == []


def test_an_empty_catalogue_has_nothing() -> None:
    assert asked(read([]).postings, "laptop", alive=0) == {}
