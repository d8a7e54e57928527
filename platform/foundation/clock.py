"""The time, read through one door so that a test or a replay can set it. Always UTC."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def _system() -> datetime:
    return datetime.now(UTC)


_now: ContextVar[Clock] = ContextVar("tradewind_clock", default=_system)


def now() -> datetime:
    """The current time, aware, in UTC."""
    return _now.get()()


@contextmanager
def use(clock: Clock) -> Iterator[None]:
    """Read the time from `clock` inside this block, in this task and those it starts."""
    token = _now.set(clock)
    try:
        yield
    finally:
        _now.reset(token)
