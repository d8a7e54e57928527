"""Where units come from: whatever the rule, no more than there is, and what the rule promises."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import combinations
from uuid import UUID

from hypothesis import example, given
from hypothesis import strategies as st

from commerce.inventory.lots import Lot
from commerce.inventory.rules import Allocation, Choice, Near, Rule, Source, choose, choose_for_each

TODAY = date(2026, 12, 1)
PLACES = st.sampled_from([("US", "OH"), ("US", "CA"), ("DE", None), (None, None)])
UNITS = st.integers(0, 6)
LOTS = st.lists(st.tuples(UNITS, st.integers(0, 5)), max_size=3)


@st.composite
def sources(draw: st.DrawFn) -> list[Source]:
    made = []
    for number in range(draw(st.integers(0, 4))):
        country, region = draw(PLACES)
        lots = [
            Lot(UUID(int=100 * number + place), units, TODAY + timedelta(days=days))
            for place, (units, days) in enumerate(sorted(draw(LOTS), key=lambda lot: lot[1]))
        ]
        lots.append(Lot(None, draw(UNITS)))
        made.append(Source(UUID(int=number), UUID(int=number), lots, country, region, draw(st.integers(0, 2))))
    return made


def _used(chosen: list[Choice]) -> set[UUID]:
    return {choice.source.warehouse_id for choice in chosen}


@given(sources(), st.integers(1, 20), st.sampled_from(["fewest_parcels", "nearest", "oldest_lot"]))
def test_all_is_given_that_is_asked_for_or_there_and_nothing_twice(
    given_sources: list[Source], quantity: int, rule: Rule
) -> None:
    chosen = choose(Allocation(rule, "US", "OH"), quantity, given_sources)
    assert sum(choice.units for choice in chosen) == min(quantity, sum(source.units for source in given_sources))
    assert all(0 < choice.units <= choice.lot.units for choice in chosen)
    taken = [(choice.source.stock_id, choice.lot.id) for choice in chosen]
    assert len(taken) == len(set(taken))


TWO_THAT_SEND_AND_ONE_THAT_HAS_ALL = [
    Source(UUID(int=number), UUID(int=number), [Lot(None, units)]) for number, units in enumerate((2, 2, 4))
]


@given(sources(), st.integers(1, 20), st.sets(st.integers(0, 3).map(lambda number: UUID(int=number))))
@example(TWO_THAT_SEND_AND_ONE_THAT_HAS_ALL, 4, {UUID(int=0), UUID(int=1)})
def test_as_few_more_warehouses_send_something_as_will_do(
    given_sources: list[Source], quantity: int, used: set[UUID]
) -> None:
    chosen = choose(Allocation(), quantity, given_sources, used=used)
    wanted = min(quantity, sum(source.units for source in given_sources))
    others = [source for source in given_sources if source.warehouse_id not in used]
    there = sum(source.units for source in given_sources if source.warehouse_id in used)
    fewest = min(
        size
        for size in range(len(others) + 1)
        if any(there + sum(source.units for source in some) >= wanted for some in combinations(others, size))
    )
    assert len(_used(chosen) - used) == fewest


@given(sources(), st.integers(1, 20))
def test_nothing_comes_from_afar_while_there_is_some_nearer(given_sources: list[Source], quantity: int) -> None:
    chosen = choose(Allocation("nearest", "US", "OH"), quantity, given_sources)

    def distance(source: Source) -> int:
        return 2 if source.country != "US" else 0 if source.region == "OH" else 1

    farthest = max((distance(choice.source) for choice in chosen), default=-1)
    took = {source.stock_id: sum(c.units for c in chosen if c.source is source) for source in given_sources}
    assert all(took[s.stock_id] == s.units for s in given_sources if distance(s) < farthest)


@given(sources(), st.integers(1, 20))
def test_nothing_that_keeps_longer_goes_while_something_older_is_left(
    given_sources: list[Source], quantity: int
) -> None:
    chosen = choose(Allocation("oldest_lot"), quantity, given_sources)
    last = max((choice.lot.expires_on or date.max for choice in chosen), default=date.min)
    took = {(c.source.stock_id, c.lot.id): c.units for c in chosen}
    for source in given_sources:
        for lot in source.lots:
            if (lot.expires_on or date.max) < last and lot.units:
                assert took[source.stock_id, lot.id] == lot.units


def test_staffs_priority_decides_between_equals() -> None:
    def at(number: int, priority: int) -> Source:
        return Source(UUID(int=number), UUID(int=number), [Lot(None, 5)], "US", "OH", priority)

    pair = [at(1, 2), at(2, 1)]
    for rule in ("fewest_parcels", "nearest"):
        assert _used(choose(Allocation(rule, "US", "OH"), 3, pair)) == {UUID(int=2)}


_PLACES = st.sampled_from([None, Near("US", "OH"), Near("US", "CA"), Near("DE")])


@given(
    sources(),
    st.lists(st.tuples(_PLACES, st.integers(1, 9)), min_size=1, max_size=4),
    st.sampled_from(["fewest_parcels", "nearest", "oldest_lot"]),
)
def test_units_for_several_places_are_all_there_is_and_none_is_given_twice(
    given_sources: list[Source], wanted: list[tuple[Near | None, int]], rule: Rule
) -> None:
    chosen = choose_for_each(Allocation(rule, "US", "OH"), wanted, given_sources)
    there = sum(source.units for source in given_sources)
    assert sum(choice.units for choice in chosen) == min(there, sum(units for _, units in wanted))
    for source in given_sources:
        for lot in source.lots:
            taken = [one.units for one in chosen if (one.source.stock_id, one.lot.id) == (source.stock_id, lot.id)]
            assert sum(taken) <= lot.units
