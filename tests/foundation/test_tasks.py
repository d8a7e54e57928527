"""Tasks end when they are told to."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from foundation import tasks


async def test_who_did_not_hear_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "HEARD", 0.01)

    async def deaf_at_first() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(60)

    task = asyncio.create_task(deaf_at_first())
    await asyncio.sleep(0)
    await tasks.ended(task)
    assert task.cancelled()


async def test_what_a_task_broke_by_is_told() -> None:
    async def broken() -> None:
        raise LookupError

    begun = asyncio.create_task(asyncio.sleep(60)), asyncio.create_task(broken())
    await asyncio.sleep(0)
    with pytest.raises(LookupError):
        await tasks.ended(*begun)


async def test_there_may_be_none() -> None:
    await tasks.ended()
