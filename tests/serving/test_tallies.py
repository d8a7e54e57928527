"""What is counted once and kept right, held to counting anew."""

from __future__ import annotations

from uuid import UUID

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foundation.search import Chosen, SearchRequest
from models.search.lexical import SparseVector
from serving import selecting, tallies
from serving.columns import Columns
from serving.facts import Facts
from serving.tallies import Tallies, Tally

FOOD, SOUPS, TOOLS = (str(UUID(int=number)) for number in (11, 12, 13))
SALE, GIFTS = str(UUID(int=21)), str(UUID(int=22))
Scope = tuple[str, UUID | None]
SCOPES: tuple[Scope, ...] = (
    ("within", None),
    *(("within", UUID(category)) for category in (FOOD, SOUPS, TOOLS)),
    ("collection", UUID(SALE)),
)
NO_WORDS = SparseVector([], [])

facts = st.builds(
    Facts,
    st.integers(1, 6).map(lambda one: one * 100),
    st.just(0),
    st.integers(0, 3),
    st.fixed_dictionaries(
        {"availability": st.sampled_from([["in_stock"], ["sold_out"]])},
        optional={
            "category": st.sampled_from([[FOOD], [FOOD, SOUPS], [TOOLS]]),
            "collection": st.sampled_from([[SALE], [SALE, GIFTS], [GIFTS]]),
            "brand": st.sampled_from([["Acme"], ["Bolt"], ["Crate"]]),
            "option.Size": st.lists(st.sampled_from("SML"), min_size=1, unique=True),
        },
    ),
)
products = st.integers(1, 8).map(lambda number: UUID(int=number))
moves = st.one_of(
    st.tuples(st.just("put"), products, facts),
    st.tuples(st.just("change"), products, facts),
    st.tuples(st.just("remove"), products, st.none()),
)


@pytest.fixture(autouse=True)
def _every_scope_is_tallied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selecting, "SMALLEST", 0)


def asked(scope: Scope, *chosen: Chosen) -> SearchRequest:
    return SearchRequest.model_validate(
        {"tenant_id": UUID(int=1), "facets": True, "chosen": list(chosen), scope[0]: scope[1]}
    )


def told(columns: Columns, scope: Scope, *chosen: Chosen) -> object:
    request = asked(scope, *chosen)
    page = selecting.select(columns, selecting.everything(columns, request), request)
    return page.rows.tolist(), page.total, page.facets


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(facts, max_size=8), st.lists(st.tuples(moves, st.sampled_from(SCOPES)), max_size=12))
def test_a_tally_says_what_counting_anew_says_whatever_becomes_of_products(
    begun: list[Facts], then: list[tuple[tuple[str, UUID, Facts | None], UUID | None]]
) -> None:
    columns = Columns.of((UUID(int=at + 1), one) for at, one in enumerate(begun)).packed()
    for (move, product_id, given_facts), looked_at in then:
        selecting.everything(columns, asked(looked_at))
        if move == "remove":
            columns.remove(product_id)
        elif given_facts is not None and move == "change":
            columns.change(product_id, given_facts)
        elif given_facts is not None:
            columns.put(product_id, given_facts, NO_WORDS)
    kept = [told(columns, scope) for scope in SCOPES]

    columns.tallies = Tallies()

    assert kept == [told(columns, scope) for scope in SCOPES]


def test_what_is_chosen_narrows_down_what_is_counted() -> None:
    some = [Facts(100, 0, 0, {"category": [FOOD], "brand": [brand]}) for brand in ("Acme", "Bolt", "Bolt")]
    columns = Columns.of((UUID(int=at + 1), one) for at, one in enumerate(some)).packed()
    selecting.everything(columns, asked(SCOPES[1]))

    _, total, facets = told(columns, SCOPES[1], Chosen(facet="brand", values=["Acme"]))

    assert total == 1
    counted = {(facet.facet, value.value): value.count for facet in facets for value in facet.values}  # type: ignore[attr-defined]
    assert counted == {("category", FOOD): 1, ("brand", "Acme"): 1, ("brand", "Bolt"): 2}


def test_the_least_asked_for_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "MOST", 2)
    kept = Tallies()
    for scope in (FOOD, SOUPS):
        kept.keep(scope, Tally(np.zeros(0, np.int64), {}))
    kept.find(FOOD)
    kept.keep(TOOLS, Tally(np.zeros(0, np.int64), {}))

    assert [kept.find(scope) is not None for scope in (FOOD, SOUPS, TOOLS)] == [True, False, True]
