"""BM25 over the fields of products."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.search.analysis import terms
from models.search.documents import Document, Field
from models.search.lexical import Bm25, Counts, InMemory, Statistics, document_vector, query_vector, term_number

TITLES = Bm25(k1=1.2, b=0.6, weights={Field.TITLE: 1.0})


def counts_of(catalogue: list[Document]) -> list[Counts]:
    return [Counts.of(document, "en") for document in catalogue]


def asked(query: str) -> dict[str, float]:
    return dict.fromkeys(terms(query), 1.0)


def test_a_score_is_the_textbook_one() -> None:
    titles = [Document("a", "red shoe"), Document("b", "red red hat here"), Document("c", "blue coat")]

    scores = InMemory(counts_of(titles)).scores(asked("red"), TITLES)

    rarity = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    usual = (2 + 4 + 2) / 3
    norms = [1 - 0.6 + 0.6 * length / usual for length in (2, 4)]
    assert scores == pytest.approx([rarity * 2.2 / (1 + 1.2 * norms[0]), rarity * 2 * 2.2 / (2 + 1.2 * norms[1]), 0])


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("laptops", "laptop"),
        ("laptop bags", "bag"),
        ("1.5l", "juice"),
        ("size 42", "shoe"),
        ("bosch", "kettle"),
        ("vegan", "shoe"),
        ("TP-X1", "laptop"),
    ],
)
def test_the_words_find_the_product(catalogue: list[Document], query: str, first: str) -> None:
    scores = InMemory(counts_of(catalogue)).scores(asked(query), Bm25())
    assert catalogue[int(scores.argmax())].id == first


def test_vectors_with_rarity_multiplied_in_are_what_is_in_memory(catalogue: list[Document]) -> None:
    """As an index does it: by sparse vectors, and how many of them have a term."""
    counts, how = counts_of(catalogue), Bm25()
    vectors = [document_vector(one, Statistics.of(counts), how) for one in counts]
    weights = [dict(zip(*vector, strict=True)) for vector in vectors]
    query = asked("laptop notebook black")

    by_vectors = np.zeros(len(catalogue))
    for number, weight in zip(*query_vector(query), strict=True):
        having = sum(number in one for one in weights)
        rarity = math.log(1 + (len(weights) - having + 0.5) / (having + 0.5))
        by_vectors += [weight * rarity * one.get(number, 0.0) for one in weights]

    assert by_vectors == pytest.approx(InMemory(counts).scores(query, how))


def test_a_vector_has_its_numbers_in_order_and_once(catalogue: list[Document]) -> None:
    counts = counts_of(catalogue)
    for one in counts:
        vector = document_vector(one, Statistics.of(counts), Bm25())
        assert vector.indices == sorted(set(vector.indices))
        assert all(value > 0 for value in vector.values)


def test_a_field_that_weighs_nothing_is_not_searched(catalogue: list[Document]) -> None:
    assert not InMemory(counts_of(catalogue)).scores(asked("bosch"), TITLES).any()


def test_another_tenants_catalogue_changes_no_score(catalogue: list[Document]) -> None:
    """What a search for one is given has nothing of the other in it."""
    counts = counts_of(catalogue)
    before = Statistics.of(counts), InMemory(counts).scores(asked("laptop"), Bm25()).tolist()
    Statistics.of(counts_of([Document(str(number), "laptop " * 50) for number in range(20)]))
    assert (Statistics.of(counts), InMemory(counts).scores(asked("laptop"), Bm25()).tolist()) == before


def test_terms_have_numbers_that_qdrant_takes() -> None:
    assert all(0 <= term_number(term) < 2**32 for term in ("laptop", "हिन्दी", "size=42"))
