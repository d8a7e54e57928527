"""What goes wrong: each trouble is inflicted and, where somebody would mend it, mended."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from signal import SIGKILL

from tests.chaos.house import House

Trouble = Callable[[House], Awaitable[None]]
DOWN_SECONDS = 1.0
COMMITS = 12
BLINK_SECONDS = 4.0
SILENCE_SECONDS = 35.0
"""Longer than a statement may take."""
FULL_SECONDS = 4.0
LEAP_SECONDS = 20 * 60.0


def _kill(name: str) -> Trouble:
    async def trouble(house: House) -> None:
        house.processes[name].kill()
        await asyncio.sleep(DOWN_SECONDS)

    return trouble


async def _kill_postgres(house: House) -> None:
    house.postgres.kill()
    await asyncio.sleep(DOWN_SECONDS)
    await asyncio.to_thread(house.postgres.start)


async def _kill_clickhouse(house: House) -> None:
    await asyncio.to_thread(house.clickhouse.stop, SIGKILL)
    await asyncio.sleep(DOWN_SECONDS)
    await asyncio.to_thread(house.clickhouse.start)


async def _kill_valkey(house: House) -> None:
    house.valkey.kill()
    await asyncio.sleep(DOWN_SECONDS)
    await asyncio.to_thread(house.valkey.start)


async def _cut(house: House) -> None:
    for _ in range(5):
        house.wire.cut()
        await asyncio.sleep(0.3)


async def _cut_commits(house: House) -> None:
    house.wire.commits_to_cut = COMMITS
    for _ in range(100):
        if not house.wire.commits_to_cut:
            return
        await asyncio.sleep(0.1)
    house.wire.commits_to_cut = 0


def _silence(seconds: float) -> Trouble:
    async def trouble(house: House) -> None:
        house.wire.speaking.clear()
        await asyncio.sleep(seconds)
        house.wire.speaking.set()

    return trouble


async def _fill_disk(house: House) -> None:
    ballast = house.disk / "ballast"
    await asyncio.to_thread(_write_until_full, ballast)
    await asyncio.sleep(FULL_SECONDS)
    ballast.unlink()
    if house.postgres.pid is None or not await asyncio.to_thread(house.postgres.answers):
        house.postgres.kill()
        await asyncio.to_thread(house.postgres.start)


def _write_until_full(path: os.PathLike[str]) -> None:
    block = bytes(1 << 20)
    with open(path, "wb", buffering=0) as file, suppress(OSError):  # noqa: PTH123
        while True:
            file.write(block)


async def _leap(house: House) -> None:
    house.clock.set(random.choice((LEAP_SECONDS, -LEAP_SECONDS / 2, 0.0)))
    await asyncio.sleep(DOWN_SECONDS)


TROUBLES: Mapping[str, Trouble] = {
    "kill -9 of Postgres": _kill_postgres,
    "kill -9 of a web worker": _kill("web-0"),
    "kill -9 of the other web worker": _kill("web-1"),
    "kill -9 of the housekeeper": _kill("worker"),
    "kill -9 of the relay": _kill("relay"),
    "kill -9 of ClickHouse": _kill_clickhouse,
    "kill -9 of Valkey": _kill_valkey,
    "every connection to Postgres cut": _cut,
    "connections cut in the middle of COMMIT": _cut_commits,
    "Postgres silent for a moment": _silence(BLINK_SECONDS),
    "Postgres silent for longer than a statement may take": _silence(SILENCE_SECONDS),
    "disk full": _fill_disk,
    "clock jumped": _leap,
}
NEEDS_SMALL_DISK = "disk full"
