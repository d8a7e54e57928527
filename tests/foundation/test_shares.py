"""Fair shares: whose turn it is, and that no place is ever lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.shares import Shares, TooManyAtOnce

NOISY, QUIET, THIRD = UUID(int=1), UUID(int=2), UUID(int=3)


async def _soon() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def _shares(places: int = 4, each: int = 3, queue: int = 10, patience: float = 5.0) -> Shares:
    return Shares(places, each, queue, patience)


async def test_one_tenant_never_has_all_places() -> None:
    shares = _shares()
    for _ in range(3):
        await shares.enter(NOISY)
    fourth = asyncio.create_task(shares.enter(NOISY))
    await _soon()
    assert not fourth.done()
    await asyncio.wait_for(shares.enter(QUIET), 1)
    shares.leave(NOISY)
    await asyncio.wait_for(fourth, 1)


async def test_tenants_take_turns_however_many_wait() -> None:
    shares, served = _shares(places=1, each=1), []

    async def ask(tenant: UUID) -> None:
        await shares.enter(tenant)
        served.append(tenant)
        await asyncio.sleep(0)
        shares.leave(tenant)

    await asyncio.gather(*(ask(NOISY) for _ in range(8)), ask(QUIET), ask(THIRD), ask(QUIET))
    assert Counter(served) == {NOISY: 8, QUIET: 2, THIRD: 1}
    assert served.index(QUIET) <= 2
    assert served.index(THIRD) <= 3
    assert served[-4:] == [NOISY] * 4


async def test_a_queue_has_an_end() -> None:
    shares = _shares(places=1, each=1, queue=2)
    await shares.enter(NOISY)
    waiting = [asyncio.create_task(shares.enter(NOISY)) for _ in range(2)]
    await _soon()
    with pytest.raises(TooManyAtOnce):
        await shares.enter(NOISY)
    for task in waiting:
        shares.leave(NOISY)
        await task


async def test_nobody_waits_forever_and_who_gave_up_takes_no_place() -> None:
    shares = _shares(places=1, each=1, patience=0.01)
    await shares.enter(NOISY)
    with pytest.raises(TooManyAtOnce):
        await shares.enter(QUIET)
    shares.leave(NOISY)
    await asyncio.wait_for(shares.enter(THIRD), 1)


async def test_a_place_given_to_somebody_who_is_gone_goes_to_the_next() -> None:
    shares = _shares(places=1, each=1)
    await shares.enter(NOISY)
    gone, next_one = asyncio.create_task(shares.enter(QUIET)), asyncio.create_task(shares.enter(THIRD))
    await _soon()
    shares.leave(NOISY)  # the place is the quiet one's, who hasn't seen it yet
    gone.cancel()
    await asyncio.wait_for(next_one, 1)


async def test_somebody_cancelled_who_has_not_said_so_yet_gets_nothing() -> None:
    shares = _shares(places=1, each=1)
    await shares.enter(NOISY)
    gone, next_one = asyncio.create_task(shares.enter(QUIET)), asyncio.create_task(shares.enter(THIRD))
    await _soon()
    gone.cancel()
    shares.leave(NOISY)
    await asyncio.wait_for(next_one, 1)


@settings(max_examples=60, deadline=None)
@given(
    places=st.integers(1, 4),
    spare=st.integers(0, 3),
    work=st.lists(st.tuples(st.sampled_from([NOISY, QUIET, THIRD]), st.integers(0, 4), st.booleans()), max_size=40),
)
def test_places_are_never_exceeded_nor_lost(places: int, spare: int, work: list[tuple[UUID, int, bool]]) -> None:
    shares = _shares(places=places, each=max(1, places - spare), queue=100)
    busy: Counter[UUID] = Counter()

    async def ask(tenant: UUID, turns: int) -> None:
        await shares.enter(tenant)
        busy[tenant] += 1
        try:
            assert busy.total() <= places
            assert busy[tenant] <= shares.each
            for _ in range(turns):
                await asyncio.sleep(0)
        finally:
            busy[tenant] -= 1
            shares.leave(tenant)

    async def all_of_it() -> None:
        tasks = [(asyncio.create_task(ask(tenant, turns)), hangs_up) for tenant, turns, hangs_up in work]
        for task, hangs_up in tasks:
            await asyncio.sleep(0)
            if hangs_up:
                task.cancel()
        done = await asyncio.wait_for(asyncio.gather(*(task for task, _ in tasks), return_exceptions=True), 5)
        assert all(one is None or isinstance(one, asyncio.CancelledError) for one in done), done

    asyncio.run(all_of_it())
    assert (shares._busy, dict(shares._tenants)) == (0, {})


def test_a_tenant_has_a_place_at_least() -> None:
    with pytest.raises(ValueError, match="a place at least"):
        Shares(4, 0, 1, 1.0)
