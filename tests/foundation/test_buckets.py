"""Token buckets: what they allow, alone and shared, and what happens when Redis goes away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from fractions import Fraction

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from foundation.buckets import Alone, Ask, Buckets, Granted, Rate, Refused, Shared, described, standing
from foundation.settings import Settings
from tests.waiting import PATIENCE

SLOW = Rate(burst=5, per_second=0.001)


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


def _settings(url: str) -> Settings:
    return Settings(_env_file=None, redis_url=SecretStr(url))


@pytest.fixture
def valkey_url(valkey_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """One that is there, however long a busy machine lets it take to answer."""
    monkeypatch.setattr("foundation.buckets.PATIENCE", PATIENCE)
    return valkey_url


@pytest.fixture
async def shared(valkey_url: str) -> AsyncIterator[Shared]:
    store = Shared(_settings(valkey_url))
    yield store
    await store.close()


@pytest.mark.parametrize("kind", ["shared", "alone"])
async def test_a_bucket_gives_its_burst_and_then_says_how_long_to_wait(shared: Shared, kind: str) -> None:
    store = shared if kind == "shared" else Alone()
    rate = Rate(burst=3, per_second=0.1)
    first = [await store.take([Ask("b", rate)]) for _ in range(3)]
    assert first == [Granted([1], [2]), Granted([1], [1]), Granted([1], [0])]
    refused = await store.take([Ask("b", rate)])
    assert isinstance(refused, Refused)
    assert 9 < refused.wait <= 10


@pytest.mark.parametrize("kind", ["shared", "alone"])
async def test_nothing_is_taken_when_one_bucket_is_empty(shared: Shared, kind: str) -> None:
    store = shared if kind == "shared" else Alone()
    empty, full = Ask("empty", Rate(1, 0.001)), Ask("full", SLOW)
    await store.take([empty])
    outcome = await store.take([full, empty])
    assert isinstance(outcome, Refused)
    assert outcome.index == 1
    assert await store.take([full]) == Granted([1], [4])


async def test_more_is_taken_only_as_far_as_it_is_there(shared: Shared) -> None:
    assert await shared.take([Ask("b", SLOW, tokens=3)]) == Granted([3], [2])
    assert await shared.take([Ask("b", SLOW, tokens=3)]) == Granted([2], [0])


async def test_a_key_is_gone_when_its_bucket_is_full_again(shared: Shared, valkey_url: str) -> None:
    await shared.take([Ask("soon", Rate(10, 0.01)), Ask("late", Rate(10, 0.001))])
    with redis.Redis.from_url(valkey_url) as client:
        assert 0 < client.pttl("soon") <= 100_001 < client.pttl("late") <= 1_000_001


async def test_many_workers_together_take_no_more_than_the_burst(valkey_url: str) -> None:
    workers = [Shared(_settings(valkey_url)) for _ in range(4)]
    outcomes = await asyncio.gather(
        *(worker.take([Ask("b", Rate(50, 0.001))]) for worker in workers for _ in range(25))
    )
    assert sum(isinstance(outcome, Granted) for outcome in outcomes) == 50
    for worker in workers:
        await worker.close()


@given(
    burst=st.integers(1, 50),
    per_second=st.sampled_from([0.5, 1.0, 7.0, 100.0]),
    pauses=st.lists(st.floats(0, 30), max_size=60),
)
def test_no_stretch_of_time_gets_more_than_burst_and_rate(burst: int, per_second: float, pauses: list[float]) -> None:
    clock = Clock()
    store, granted = Alone(now=clock), []

    async def ask() -> None:
        for pause in pauses:
            clock.now += pause
            if isinstance(await store.take([Ask("b", Rate(burst, per_second))]), Granted):
                granted.append(clock.now)

    asyncio.run(ask())
    for first in range(len(granted)):
        for last in range(first, len(granted)):
            passed = Fraction(granted[last]) - Fraction(granted[first])
            assert last - first + 1 <= burst + passed * Fraction(per_second) + Fraction(1, 1000)


class Counting(Shared):
    """Redis, with its calls counted."""

    calls = 0

    async def take(self, asks: object) -> Granted | Refused:
        self.calls += 1
        return await super().take(asks)  # type: ignore[arg-type]


async def test_who_is_asked_often_asks_redis_seldom_and_stays_within_the_limit(valkey_url: str) -> None:
    rate = Rate(burst=1_000, per_second=0.001)
    store = Counting(_settings(valkey_url))
    buckets = Buckets(store)
    allowed = [await buckets.take([("b", rate)]) is None for _ in range(1_200)]
    assert allowed == [True] * 1_000 + [False] * 200
    assert store.calls < 40
    await buckets.close()


async def test_who_goes_on_asking_is_refused_without_redis_and_let_in_when_there_is_room(valkey_url: str) -> None:
    clock, store = Clock(), Counting(_settings(valkey_url))
    buckets, wanted = Buckets(store, now=clock), [("roomy", SLOW), ("b", Rate(burst=1, per_second=20))]
    assert await buckets.take(wanted) is None
    refused = [await buckets.take(wanted) for _ in range(50)]
    assert {one and one.index for one in refused} == {1}
    assert store.calls == 2
    assert refused[-1] is not None
    clock.now += refused[-1].wait
    await asyncio.sleep(refused[-1].wait)
    assert await buckets.take(wanted) is None
    await buckets.close()


async def test_what_was_leased_for_a_refused_request_can_be_spent_by_the_next(valkey_url: str) -> None:
    clock = Clock()
    buckets, empty, roomy = (
        Buckets(None, Alone(now=clock), now=clock),
        ("empty", Rate(1, 0.001)),
        ("roomy", Rate(9, 0.001)),
    )
    assert await buckets.take([roomy, empty]) is None
    for _ in range(20):
        refused = await buckets.take([roomy, empty])
        assert refused is not None
        assert refused.index == 1
    assert [await buckets.take([roomy]) for _ in range(8)] == [None] * 8
    assert await buckets.take([roomy]) is not None


async def test_when_redis_is_away_a_worker_counts_by_itself_and_comes_back(valkey_url: str) -> None:
    clock = Clock()
    store = Counting(_settings("redis://127.0.0.1:1/0"))
    buckets = Buckets(store, Alone(now=clock), now=clock)
    outcomes = [await buckets.take([("b", SLOW)]) for _ in range(6)]
    assert [outcome is None for outcome in outcomes] == [True] * 5 + [False]
    assert store.calls == 1, "Redis is left alone for a while"

    await store.close()
    buckets.shared = again = Counting(_settings(valkey_url))
    clock.now += 2
    assert await buckets.take([("other", SLOW)]) is None
    assert again.calls == 1
    await buckets.close()


async def test_redis_that_does_not_answer_delays_one_request_and_fails_none() -> None:
    accepted: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _, writer: accepted.append(writer), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    store = Counting(_settings(f"redis://127.0.0.1:{port}/0"))
    buckets = Buckets(store)
    assert [await buckets.take([("b", SLOW)]) for _ in range(3)] == [None] * 3
    assert store.calls == 1
    await buckets.close()
    for writer in accepted:
        writer.close()
    silent.close()


@pytest.mark.parametrize("make", [lambda: Rate(0, 1), lambda: Rate(1, 0)])
def test_a_rate_allows_something(make: Callable[[], Rate]) -> None:
    with pytest.raises(ValueError, match="at least"):
        make()


def test_the_headers_are_structured_fields() -> None:
    rate = Rate(burst=600, per_second=60)
    assert described("browse-address", rate) == '"browse-address";q=600;w=10'
    assert standing("browse-address", rate, 599) == '"browse-address";r=599;t=1'
