"""When a failed delivery is tried again, and when an endpoint is no longer told of anything."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

MAX_TRIES = 8
"""Of one delivery; with the pauses between them some six hours. It is set aside then, and the next one is tried."""
FIRST = timedelta(seconds=5)
FACTOR = 4
LONGEST = timedelta(hours=4)
DISABLED_AFTER = timedelta(days=3)
"""How long an endpoint may fail without a single success."""
LONGEST_ASKED = timedelta(hours=1)
"""The longest `Retry-After` that is heeded."""


def pause(failures: int, *, asked: timedelta | None = None, chance: random.Random | None = None) -> timedelta:
    """How long to wait after so many failures in a row: exponential, and half of it by chance, so that endpoints that
    failed together are not tried together ("equal jitter": https://aws.amazon.com/blogs/architecture/
    exponential-backoff-and-jitter/). What the endpoint asked for is heeded within bounds.
    """
    factor: int = FACTOR ** (min(failures, 20) - 1)
    full = min(FIRST * factor, LONGEST)
    drawn = full / 2 + full / 2 * (chance or random.SystemRandom()).random()
    return max(drawn, min(asked or timedelta(), LONGEST_ASKED))


def is_over(failing_since: datetime, now: datetime) -> bool:
    """Whether an endpoint has failed for too long."""
    return now - failing_since >= DISABLED_AFTER


def retry_after(header: str | None) -> timedelta | None:
    """What `Retry-After` asks for in seconds (RFC 9110, section 10.2.3); its other form, a date, is not heeded."""
    if header is None or not (header.isascii() and header.isdigit()) or len(header) > 9:
        return None
    return timedelta(seconds=int(header))
