"""Tasks that run until they are told to end."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

HEARD = 1.0
"""Seconds after which a task that goes on has not heard that it was to end."""


async def ended(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks, and wait until all have ended.

    `asyncio.wait_for` loses a cancellation that comes just as what it waits for is done (CPython gh-86296, mended in
    3.12), so a task is told again until it has heard. What one of them raised instead is raised.
    """
    going = set(tasks)
    while going:
        for task in going:
            task.cancel()
        _, going = await asyncio.wait(going, timeout=HEARD)
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task
