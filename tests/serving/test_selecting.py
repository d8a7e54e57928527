"""Facets, sorts and pages over columns, held to the plainest way to say the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from io import BytesIO
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.search import LEAST_STARS, After, Chosen, Range, SearchRequest, Sort
from models.search.lexical import SparseVector
from serving.columns import Columns
from serving.facts import Facts
from serving.selecting import Page, Result, select

TENANT = UUID(int=1)
BRANDS, SIZES = ("Acme", "Bolt", "Crate"), ("S", "M", "L")
Product = tuple[int, int, str, tuple[str, ...], float]
"""Price, units sold, brand, sizes, stars on average."""

products = st.lists(
    st.tuples(
        st.integers(1, 6).map(lambda one: one * 100),
        st.integers(0, 3),
        st.sampled_from(BRANDS),
        st.lists(st.sampled_from(SIZES), unique=True, max_size=3).map(tuple),
        st.sampled_from([0, 1, 2.99, 3, 4, 4.5]),
    ),
    max_size=25,
)
choices = st.fixed_dictionaries(
    {},
    optional={
        "brand": st.lists(st.sampled_from(BRANDS), min_size=1, unique=True),
        "option.Size": st.lists(st.sampled_from(SIZES), min_size=1, unique=True),
        "rating": st.lists(st.sampled_from(LEAST_STARS), min_size=1, unique=True),
        "price": st.lists(st.tuples(st.integers(0, 700), st.integers(0, 700)), min_size=1, max_size=2),
    },
)


def columns_of(sold: Sequence[Product]) -> Columns:
    """As they are after every product was written anew, the last one first: dead rows, and rows in no order of ids."""
    ids = [UUID(int=at + 1) for at in range(len(sold))]
    columns = Columns.of((one, Facts(1, 0, 0, {"brand": ["Old"]})) for one in ids).packed()
    for at in reversed(range(len(sold))):
        price, units, brand, sizes, stars = sold[at]
        values = {"brand": [brand], **({"option.Size": list(sizes)} if sizes else {})}
        facts = Facts(price, at, units, values, stars, stars / 2)
        columns.put(ids[at], facts, SparseVector([], []))
    return columns


def asked(columns: Columns, chosen: dict[str, list[object]], **given: object) -> Page:
    filters = [
        Chosen(facet=name, ranges=[Range(least=one, most=other) for one, other in values])  # type: ignore[misc]
        if name == "price"
        else Chosen(facet=name, values=list(values))  # type: ignore[arg-type]
        for name, values in chosen.items()
    ]
    request = SearchRequest(tenant_id=TENANT, chosen=filters, facets=True, **given)  # type: ignore[arg-type]
    rows = np.flatnonzero(columns.alive)
    return select(columns, Result(rows, -columns.sold[rows]), request)


def fits(product: Product, chosen: dict[str, list[object]], *, but: str = "") -> bool:
    price, _, brand, sizes, stars = product
    had = {"brand": {brand}, "option.Size": set(sizes), "rating": {one for one in LEAST_STARS if stars >= int(one)}}
    return all(
        any(least <= price <= most for least, most in values)  # type: ignore[misc]
        if name == "price"
        else bool(had[name] & set(values))
        for name, values in chosen.items()
        if name != but
    )


@settings(max_examples=60, deadline=None)
@given(products, choices)
def test_a_facet_is_counted_as_if_nothing_were_chosen_in_it(
    sold: list[Product], chosen: dict[str, list[object]]
) -> None:
    page = asked(columns_of(sold), chosen, limit=100)

    assert page.total == sum(fits(one, chosen) for one in sold)
    told = {facet.facet: {value.value: value.count for value in facet.values} for facet in page.facets}
    for name, number in (("brand", 2), ("option.Size", 3)):
        left = [one for one in sold if fits(one, chosen, but=name)]
        had = Counter(value for one in left for value in ([one[2]] if number == 2 else one[3]))
        counted = {value: count for value, count in told.get(name, {}).items() if count}
        assert counted == dict(had)
    left = [one[4] for one in sold if fits(one, chosen, but="rating")]
    if "rating" in chosen or any(left):
        assert told["rating"] == {least: sum(stars >= int(least) for stars in left) for least in LEAST_STARS}
    else:
        assert "rating" not in told
    for facet in page.facets:
        for one in facet.ranges:
            in_range = {"price": [(one.least or 0, 10**6 if one.most is None else one.most)]}
            others = {name: values for name, values in chosen.items() if name != "price"}
            assert one.count == sum(fits(product, {**others, **in_range}) for product in sold)


@settings(max_examples=60, deadline=None)
@given(products, choices)
def test_where_nothing_is_found_each_choice_says_what_letting_it_go_would_give(
    sold: list[Product], chosen: dict[str, list[object]]
) -> None:
    page = asked(columns_of(sold), chosen)
    without = {one: {name: values for name, values in chosen.items() if name != one} for one in chosen}
    totals = {one: sum(fits(product, others) for product in sold) for one, others in without.items()}

    given_up = {one.facet: one.total for one in page.relaxable}
    assert given_up == ({} if page.total else {one: total for one, total in totals.items() if total})
    assert list(given_up.values()) == sorted(given_up.values(), reverse=True)


@settings(max_examples=60, deadline=None)
@given(products, choices, st.sampled_from(["relevance", "price_asc", "price_desc", "newest", "popularity", "rating"]))
def test_pages_follow_each_other_without_gap_or_overlap_in_every_order(
    sold: list[Product], chosen: dict[str, list[object]], sort: Sort
) -> None:
    columns = columns_of(sold)
    seen: list[int] = []
    after = None
    while True:
        page = asked(columns, chosen, sort=sort, limit=3, after=after)
        seen += [columns.id_of(int(row)).int for row in page.rows]
        if not page.has_more:
            break
        after = After(key=float(page.keys[-1]), product_id=columns.id_of(int(page.rows[-1])))

    key = {
        "price_asc": lambda at: sold[at - 1][0],
        "price_desc": lambda at: -sold[at - 1][0],
        "newest": lambda at: -at,
        "rating": lambda at: -sold[at - 1][4],
    }.get(sort, lambda at: -sold[at - 1][1])
    left = [at for at in range(1, len(sold) + 1) if fits(sold[at - 1], chosen)]
    assert seen == sorted(left, key=lambda at: (key(at), at))


@settings(max_examples=30, deadline=None)
@given(products)
def test_packed_columns_say_the_same_also_out_of_a_file(sold: list[Product]) -> None:
    columns = columns_of(sold)
    again, told = Columns.from_bytes(columns.packed().to_bytes({"who": "we"}))

    assert told == {"who": "we"}
    ids = [UUID(int=at + 1) for at in range(len(sold))]
    assert [again.facts(row) for row in again.rows_of(ids)] == [columns.facts(row) for row in columns.rows_of(ids)]
    assert again.size == len(sold)


def test_a_file_from_before_there_were_ratings_is_refused() -> None:
    with np.load(BytesIO(columns_of([(100, 1, "Acme", (), 5)]).packed().to_bytes({"who": "we"}))) as arrays:
        earlier = {name: arrays[name] for name in arrays if name != "ratings"}
    file = BytesIO()
    np.savez(file, **earlier)
    with pytest.raises(KeyError):
        Columns.from_bytes(file.getvalue())


def test_a_list_goes_on_behind_the_product_that_was_seen_though_relevance_moved_it() -> None:
    columns = columns_of([(100, units, "Acme", (), 0) for units in (9, 8, 7, 6)])
    first = asked(columns, {}, limit=2)
    last = columns.id_of(int(first.rows[-1]))
    columns.change(last, columns.facts(int(first.rows[-1]))._replace(sold=6))

    page = asked(columns, {}, limit=2, after=After(key=float(first.keys[-1]), product_id=last))

    assert [columns.id_of(int(row)).int for row in page.rows] == [4]


@pytest.mark.parametrize(("many", "shown"), [(30, True), (31, False)])
def test_a_number_that_is_another_in_every_product_is_no_facet(many: int, shown: bool) -> None:
    columns = Columns.of((UUID(int=at + 1), Facts(100, 0, 0, {"attribute.weight": [str(at)]})) for at in range(many))
    assert ("attribute.weight" in [facet.facet for facet in asked(columns, {}).facets]) is shown
