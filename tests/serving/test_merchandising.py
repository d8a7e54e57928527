"""What rules make of a result: who comes first, who last, who not at all, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from foundation.search import SearchRequest
from foundation.steering import SearchRule, Targets
from serving import merchandising
from serving.columns import Columns
from serving.facts import Facts
from serving.merchandising import Plan
from serving.selecting import Result, select

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TENANT, SHOES, BAGS = UUID(int=1), UUID(int=101), UUID(int=102)
PRODUCTS = [UUID(int=at) for at in range(1, 7)]
"""In the order in which they sell; every other one is of Acme, the first three are shoes."""


def rule(**given: Any) -> SearchRule:
    nothing = {"id": UUID(int=9), "query": "shoe", "match": "contains", "category_id": None, "price_group": None,
               "starts_at": None, "ends_at": None, "pin": (), "boost": Targets(), "bury": Targets(),
               "hide": Targets(), "redirect": None}  # fmt: skip
    return SearchRule(**{**nothing, **given})


def of(*numbers: int) -> Targets:
    return Targets(products=tuple(UUID(int=one) for one in numbers))


@pytest.fixture(scope="module")
def columns() -> Columns:
    facts = {
        one: Facts(100, 0, 60 - one.int, {
            "brand": ["Acme" if one.int % 2 else "Bolt"],
            "category": [str(SHOES if one.int <= 3 else BAGS)],
        })
        for one in PRODUCTS
    }  # fmt: skip
    return Columns.of(facts.items()).packed()


def order(columns: Columns, *rules: SearchRule, found: tuple[int, ...] = (1, 2, 3, 4, 5, 6)) -> list[int]:
    rows = np.array(sorted(row for one in found if (row := columns.row_of(UUID(int=one))) is not None), np.int64)
    inside = np.ones(columns.size, np.bool_)
    result = merchandising.steered(columns, Result(rows, -columns.sold[rows]), rules, inside)
    page = select(columns, result, SearchRequest(tenant_id=TENANT))
    return [columns.id_of(int(row)).int for row in page.rows]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"pin": (UUID(int=6), UUID(int=4))}, [6, 4, 1, 2, 3, 5]),
        ({"boost": of(5, 3)}, [3, 5, 1, 2, 4, 6]),
        ({"boost": Targets(brands=("Bolt",))}, [2, 4, 6, 1, 3, 5]),
        ({"boost": Targets(categories=(BAGS,)), "pin": (UUID(int=2),)}, [2, 4, 5, 6, 1, 3]),
        ({"bury": Targets(brands=("Acme",))}, [2, 4, 6, 1, 3, 5]),
        ({"boost": of(4), "bury": Targets(brands=("Bolt",))}, [1, 3, 4, 5, 2, 6]),
        ({"hide": of(1, 2), "pin": (UUID(int=2), UUID(int=77))}, [3, 4, 5, 6]),
    ],
)
def test_pinned_then_boosted_then_the_rest_then_buried(
    columns: Columns, given: dict[str, Any], expected: list[int]
) -> None:
    assert order(columns, rule(**given)) == expected


def test_what_is_pinned_comes_though_it_was_not_found_and_the_earlier_rules_first(columns: Columns) -> None:
    first, second = rule(pin=(UUID(int=6),)), rule(pin=(UUID(int=2), UUID(int=6)))
    assert order(columns, first, second, found=(1, 2)) == [6, 2, 1]


def test_what_is_pinned_stays_out_of_a_category_it_is_not_in(columns: Columns) -> None:
    rows = np.array([0, 1, 2], np.int64)
    inside = np.arange(columns.size) < 3
    result = merchandising.steered(columns, Result(rows, -columns.sold[rows]), [rule(pin=(UUID(int=6),))], inside)
    assert len(result.rows) == 3


def planned(*rules: SearchRule, query: str = "red shoe", meant: str | None = None, **request: Any) -> Plan:
    asked = SearchRequest(tenant_id=TENANT, query=query, **request)
    return merchandising.plan(rules, asked, (query, meant or query) if query else (), now=NOW)


@pytest.mark.parametrize(
    ("given", "request_", "holds"),
    [
        ({}, {}, True),
        ({}, {"query": "red SHOE sale"}, True),
        ({}, {"query": "shoes"}, False),
        ({}, {"query": "red sheo", "meant": "red shoe"}, True),
        ({}, {"query": ""}, False),
        ({"match": "exact"}, {"query": "Shoe!"}, True),
        ({"match": "exact"}, {}, False),
        ({"query": "red shoe", "match": "contains"}, {"query": "red new shoe"}, False),
        ({"category_id": SHOES}, {}, False),
        ({"category_id": SHOES}, {"within": SHOES}, True),
        ({"query": None, "category_id": SHOES}, {"within": SHOES}, False),
        ({"query": None, "category_id": SHOES}, {"within": SHOES, "query": ""}, True),
        ({"query": None, "category_id": SHOES}, {"within": BAGS, "query": ""}, False),
        ({"starts_at": NOW, "ends_at": NOW + HOUR}, {}, True),
        ({"ends_at": NOW}, {}, False),
        ({"starts_at": NOW + HOUR}, {}, False),
        ({"price_group": "trade"}, {}, False),
        ({"price_group": "trade"}, {"price_group": "trade"}, True),
    ],
)
def test_a_rule_holds_for_its_words_category_customers_and_time(
    given: dict[str, Any], request_: dict[str, Any], holds: bool
) -> None:
    assert bool(planned(rule(**given), **request_).rules) is holds


def test_a_trial_is_looked_at_in_place_of_what_it_was_whenever_and_for_whomever_it_will_be() -> None:
    live, later = rule(pin=(UUID(int=1),)), rule(bury=of(1), starts_at=NOW + HOUR, price_group="trade")
    assert planned(live, trial=later).rules == [later]
    assert planned(live).rules == [live]
    assert planned(rule(id=UUID(int=8)), trial=later).rules == [rule(id=UUID(int=8)), later]


def test_an_answer_is_personal_where_somebody_else_may_be_shown_another() -> None:
    assert planned(rule(price_group="trade")).personal
    assert not planned(rule(price_group="trade", ends_at=NOW)).personal
    assert not planned(rule(price_group="trade"), query="bag").personal


def test_the_earliest_redirect_answers() -> None:
    rules = [rule(), rule(redirect="/c/shoes"), rule(redirect="/c/bags")]
    assert planned(*rules).redirect == "/c/shoes"
    assert planned(rule()).redirect is None
