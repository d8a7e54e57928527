"""Token buckets that all workers share: one Lua script in Redis takes from every bucket of a request, or from none.

A bucket is one number: the moment at which it is full again (the "theoretical arrival time" of the generic cell rate
algorithm, ITU-T I.371). It holds `burst - (that moment - now) * per_second` tokens; taking one moves the moment on, and
the key expires when it is reached. The clock is Redis's own, so that workers need not agree on theirs.

A bucket fills by time alone, so a worker that was told when one has a token again refuses by itself until then: whoever
asks far more often than allowed costs no round trip each time.

A worker that is asked often takes several tokens at once and spends them without asking: a *lease*. It grows while it
is spent within a second and never exceeds a twentieth of the burst, so the sum over all workers can exceed a limit by
that share of its burst for each worker, and by no more.

While Redis is away a worker counts by itself: no request fails for it, and a limit holds in each worker alone.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

import structlog

from foundation import clients
from foundation.settings import Settings

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.commands.core import AsyncScript

log = structlog.get_logger(__name__)

MICROSECOND = 1_000_000
PATIENCE = 0.25
"""Seconds that Redis may take before a worker counts by itself."""
ALONE = 1.0
"""Seconds that it then does, before Redis is asked again."""
QUICK = 1.0
"""Seconds within which a lease must be spent for the next to be twice as large."""
LEASED_FOR = 10.0
"""Seconds after which what is left of a lease isn't spent any more."""
SHARE = 20
"""A lease is at most this part of a burst."""
REMEMBERED = 1.0
"""Seconds that a worker refuses by itself at most: a rate may be raised meanwhile."""
MOST = 50_000
"""Buckets that a worker remembers."""

_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full, left, refused, longest = {}, {}, 0, -1
for i = 1, #KEYS do
  local burst, every = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1])
  full[i] = math.max(tonumber(redis.call('GET', KEYS[i]) or 0), now)
  left[i] = math.floor(burst - (full[i] - now) / every)
  if left[i] < 1 then
    local wait = full[i] - now - (burst - 1) * every
    if wait > longest then refused, longest = i, wait end
  end
end
if refused > 0 then return {refused, math.ceil(longest)} end
local answer = {0}
for i = 1, #KEYS do
  local every, taken = tonumber(ARGV[3 * i - 1]), math.min(left[i], tonumber(ARGV[3 * i]))
  local at = full[i] + taken * every
  redis.call('SET', KEYS[i], string.format('%.0f', at), 'PX', math.ceil((at - now) / 1000))
  answer[2 * i], answer[2 * i + 1] = taken, left[i] - taken
end
return answer
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, and so many a second in the long run.

    Raises:
        ValueError: not so much as one is ever allowed.
    """

    burst: int
    per_second: float

    def __post_init__(self) -> None:
        if self.burst < 1 or self.per_second <= 0:
            raise ValueError("A rate allows one at least, and more as time passes.")

    @property
    def window(self) -> int:
        """Seconds in which an empty bucket fills."""
        return max(1, math.ceil(self.burst / self.per_second))

    @property
    def every(self) -> float:
        """Microseconds that a token takes."""
        return MICROSECOND / self.per_second

    @property
    def largest_lease(self) -> int:
        """Tokens that a worker may take at once."""
        return max(1, self.burst // SHARE)


@dataclass(frozen=True, slots=True)
class Ask:
    """A bucket, and how many tokens are wanted of it: one at least, the others if they are there."""

    key: str
    rate: Rate
    tokens: int = 1


@dataclass(frozen=True, slots=True)
class Granted:
    """What was taken of each bucket asked, and what was left in it."""

    taken: Sequence[int]
    left: Sequence[int]


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was taken: this one was empty, and has a token again after so many seconds."""

    index: int
    wait: float


class Store(Protocol):
    """Where buckets are kept."""

    async def take(self, asks: Sequence[Ask]) -> Granted | Refused:
        """Take from all buckets, or from none."""
        ...


@dataclass(slots=True)
class Shared:
    """Buckets in Redis."""

    settings: Settings
    _client: Redis | None = None
    _script: AsyncScript | None = None

    async def take(self, asks: Sequence[Ask]) -> Granted | Refused:
        """Take from all buckets, or from none.

        Raises:
            RedisError, OSError, TimeoutError: Redis isn't there.
        """
        script = self._script or self._register()
        arguments = [value for ask in asks for value in (ask.rate.burst, ask.rate.every, ask.tokens)]
        async with asyncio.timeout(PATIENCE):
            answer = cast("list[int]", await script(keys=[ask.key for ask in asks], args=arguments))
        if answer[0]:
            return Refused(answer[0] - 1, answer[1] / MICROSECOND)
        return Granted(answer[1::2], answer[2::2])

    def _register(self) -> AsyncScript:
        from redis.asyncio.retry import Retry  # noqa: PLC0415
        from redis.backoff import NoBackoff  # noqa: PLC0415

        self._client = clients.redis_async(self.settings)
        self._client.set_retry(Retry(NoBackoff(), 0))
        self._script = self._client.register_script(_TAKE)
        return self._script

    async def close(self) -> None:
        """Give the connections back."""
        if self._client is not None:
            await self._client.aclose()


@dataclass(slots=True)
class Alone:
    """The same buckets in this process."""

    now: Callable[[], float] = time.monotonic
    _full: dict[str, float] = field(default_factory=dict)

    async def take(self, asks: Sequence[Ask]) -> Granted | Refused:
        """Take from all buckets, or from none."""
        now = self.now()
        full = [max(self._full.get(ask.key, 0.0), now) for ask in asks]
        # A clock's seconds are not exact: what is a token but for a rounding is one.
        left = [
            math.floor(ask.rate.burst - (at - now) * ask.rate.per_second + 1e-6)
            for ask, at in zip(asks, full, strict=True)
        ]
        waits = [
            (at - now - (ask.rate.burst - 1) / ask.rate.per_second, index)
            for index, (ask, at) in enumerate(zip(asks, full, strict=True))
            if left[index] < 1
        ]
        if waits:
            wait, index = max(waits)
            return Refused(index, wait)
        taken = [min(ask.tokens, there) for ask, there in zip(asks, left, strict=True)]
        for ask, at, tokens in zip(asks, full, taken, strict=True):
            self._full[ask.key] = at + tokens / ask.rate.per_second
        _forget_the_oldest(self._full)
        return Granted(taken, [there - tokens for there, tokens in zip(left, taken, strict=True)])


@dataclass(slots=True)
class Lease:
    """Tokens that this worker has taken and not spent, and what it knows of the bucket."""

    tokens: int = 0
    size: int = 0
    left: int = 0
    since: float = 0.0
    empty_until: float = 0.0
    """When a bucket that was found empty has a token again."""

    def remaining(self, rate: Rate, now: float) -> int:
        """Tokens there are, as far as this worker knows: what it holds, what was left, what has come since."""
        return min(rate.burst, self.tokens + self.left + int((now - self.since) * rate.per_second))


@dataclass(slots=True)
class Buckets:
    """What a request takes its tokens from: the leases of this worker, then Redis, then this worker's own count."""

    shared: Shared | None
    alone: Alone = field(default_factory=Alone)
    now: Callable[[], float] = time.monotonic
    _leases: dict[str, Lease] = field(default_factory=dict)
    _alone_until: float = 0.0

    async def take(self, wanted: Sequence[tuple[str, Rate]]) -> Refused | None:
        """One token of each of these buckets, or none of any."""
        now, lacking, spent = self.now(), [], []
        if (known := self._known_empty(wanted, now)) is not None:
            return known
        for index, (key, _) in enumerate(wanted):
            lease = self._leases.get(key)
            if lease is not None and lease.tokens > 0 and now - lease.since < LEASED_FOR:
                lease.tokens -= 1
                spent.append(lease)
            else:
                lacking.append(index)
        if not lacking:
            return None
        refused = await self._lease([wanted[index] for index in lacking])
        if refused is None:
            return None
        for lease in spent:
            lease.tokens += 1
        return Refused(lacking[refused.index], refused.wait)

    def _known_empty(self, wanted: Sequence[tuple[str, Rate]], now: float) -> Refused | None:
        for index, (key, _) in enumerate(wanted):
            lease = self._leases.get(key)
            if lease is not None and now < min(lease.empty_until, lease.since + REMEMBERED):
                return Refused(index, lease.empty_until - now)
        return None

    def remaining(self, key: str, rate: Rate) -> int:
        """Tokens there are in a bucket, as far as this worker knows."""
        lease = self._leases.get(key)
        return rate.burst if lease is None else lease.remaining(rate, self.now())

    async def _lease(self, wanted: Sequence[tuple[str, Rate]]) -> Refused | None:
        now = self.now()
        asks = [Ask(key, rate, self._size(key, rate, now)) for key, rate in wanted]
        outcome = await self._ask(asks)
        if isinstance(outcome, Refused):
            self._leases[asks[outcome.index].key] = Lease(since=now, empty_until=now + outcome.wait)
            return outcome
        for ask, taken, left in zip(asks, outcome.taken, outcome.left, strict=True):
            lease = self._leases.setdefault(ask.key, Lease())
            stale = now - lease.since >= LEASED_FOR
            lease.tokens = taken - 1 + (0 if stale else lease.tokens)
            lease.size, lease.left, lease.since, lease.empty_until = ask.tokens, left, now, 0.0
        _forget_the_oldest(self._leases)
        return None

    def _size(self, key: str, rate: Rate, now: float) -> int:
        """Twice the last lease when that was spent quickly, else half of it."""
        last = self._leases.get(key)
        if last is None or not last.size:
            return 1
        grown = last.size * 2 if now - last.since <= QUICK else last.size // 2
        return max(1, min(grown, rate.largest_lease))

    async def _ask(self, asks: Sequence[Ask]) -> Granted | Refused:
        if self.shared is not None and self.now() >= self._alone_until:
            try:
                return await self.shared.take(asks)
            except _unreachable() as fault:
                self._alone_until = self.now() + ALONE
                log.warning("buckets.redis_unavailable", error=str(fault) or type(fault).__name__)
        return await self.alone.take(asks)

    async def close(self) -> None:
        """Give the connections back."""
        if self.shared is not None:
            await self.shared.close()


def _forget_the_oldest(remembered: dict[str, Any]) -> None:
    while len(remembered) > MOST:
        del remembered[next(iter(remembered))]


def _unreachable() -> tuple[type[Exception], ...]:
    from redis.exceptions import RedisError  # noqa: PLC0415

    return RedisError, OSError, TimeoutError


def configured(settings: Settings) -> Buckets:
    """The buckets of a worker; its own count alone when no Redis has an address."""
    return Buckets(Shared(settings) if settings.redis_url else None)


def described(name: str, rate: Rate) -> str:
    """A policy as an item of `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers)."""
    return f'"{name}";q={rate.burst};w={rate.window}'


def standing(name: str, rate: Rate, remaining: int) -> str:
    """What is left of a policy as an item of `RateLimit` (same draft): tokens, and seconds until the bucket is full."""
    return f'"{name}";r={remaining};t={math.ceil((rate.burst - remaining) / rate.per_second)}'
