from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.bench.figures import figures, percentile


def test_a_hundred_timings_have_the_percentiles_one_expects() -> None:
    summed = figures(4, [float(number) for number in range(100, 0, -1)], seconds=2.0, failed=3)

    assert (summed.p50, summed.p95, summed.p99) == (50.0, 95.0, 99.0)
    assert (summed.per_second, summed.done, summed.failed, summed.clients) == (50.0, 100, 3, 4)


def test_nothing_done_is_no_figure() -> None:
    with pytest.raises(ValueError, match="7 failed"):
        figures(1, [], seconds=1.0, failed=7)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1.0))
def test_a_percentile_is_a_timing_that_enough_do_not_exceed(timings: list[float], share: float) -> None:
    found = percentile(sorted(timings), share)

    assert found in timings
    assert sum(one <= found for one in timings) >= share * len(timings) - 1e-9
