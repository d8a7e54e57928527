"""However two hands take turns, statement by statement, what they share stays right."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from tests.races.grounds import Grounds, opened
from tests.races.pairs import ALONE, TO_THE_END

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

PREEMPTIONS, AT_MOST, FEW = 2, 16, 4


@pytest.fixture
async def grounds(database_urls: DatabaseUrls) -> AsyncIterator[Grounds]:
    async with opened(database_urls) as grounds:
        yield grounds


@pytest.mark.parametrize("pair", ALONE)
async def test_every_interleaving_of_two_transactions_leaves_the_order_right(pair: str, grounds: Grounds) -> None:
    seen = await grounds.walk(ALONE[pair])
    assert not seen.faults, "\n".join(seen.faults)
    assert seen.whole
    assert seen.explored >= FEW  # each first, and each waiting for the other


@pytest.mark.proof
@pytest.mark.parametrize("pair", TO_THE_END)
async def test_interleavings_of_what_goes_on_to_the_provider_leave_all_right(pair: str, grounds: Grounds) -> None:
    """The first of those with two preemptions; `make races` walks them all."""
    seen = await grounds.walk(TO_THE_END[pair], preemptions=PREEMPTIONS, at_most=AT_MOST)
    assert not seen.faults, "\n".join(seen.faults)
    assert seen.explored >= FEW
