"""What units cost: whatever is credited in whatever order, a line ends at exactly its total."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from commerce.orders.lines import Line
from foundation.ids import new_id


def _line(total: int, quantity: int) -> Line:
    return Line(new_id(), new_id(), new_id(), quantity, total, 0, 0, 0, 0, 0)


@given(total=st.integers(0, 10**12), steps=st.lists(st.integers(0, 9), min_size=1, max_size=12))
def test_credits_of_a_line_add_up_to_its_total(total: int, steps: list[int]) -> None:
    quantity = max(sum(steps), 1)
    line = _line(total, quantity)
    parts = [line.credit(line.credited + step) for step in steps]
    assert all(part >= 0 for part in parts)
    assert sum(parts) + line.credit(quantity) == total


@given(total=st.integers(0, 10**6), quantity=st.integers(1, 9), steps=st.lists(st.integers(0, 12), max_size=9))
def test_what_is_credited_is_never_credited_again_nor_taken_back(total: int, quantity: int, steps: list[int]) -> None:
    line = _line(total, quantity)
    credited = 0
    for units in steps:
        before = line.credited
        part = line.credit(units)
        assert line.credited == max(before, min(units, quantity))
        assert part >= 0
        credited += part
    assert credited <= total


def test_the_discounted_line_does_not_make_the_other_free() -> None:
    first, other = _line(667, 2), _line(1000, 3)
    assert (first.credit(1), first.credit(2)) == (334, 333)
    assert (other.credit(1), other.credit(2), other.credit(3)) == (333, 334, 333)
