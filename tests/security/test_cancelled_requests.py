"""One connection for all, and requests that are given up half-way: the next tenant sees its own rows and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from sqlalchemy import text

from foundation.database import Database, hot
from tests.factories import SeededShop, seed_shop

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

_WHOSE = "SELECT DISTINCT tenant_id FROM product"
_SEEN = hot(text(_WHOSE))
_SLOW = hot(text("SELECT pg_sleep(0.02)"))
Request = Callable[[Database, UUID], Awaitable[set[UUID]]]
STEPS = 40
"""More turns of the event loop than any of the requests takes: each is given up at every one of them."""


@pytest.fixture
async def shared(database_urls: DatabaseUrls) -> AsyncIterator[tuple[Database, SeededShop, SeededShop]]:
    database = Database(database_urls.app, pool_size=1)
    yield database, seed_shop(database_urls, "grocer"), seed_shop(database_urls, "fashion")
    await database.close()


async def _raw(database: Database, tenant: UUID) -> set[UUID]:
    async with database.tx(tenant) as tx:
        await tx.rows(_SLOW)
        return {row[0] for row in await tx.rows(_SEEN)}


async def _mapped(database: Database, tenant: UUID) -> set[UUID]:
    async with database.transaction(tenant) as session:
        await session.execute(text("SELECT pg_sleep(0.02)"))
        return set((await session.execute(text(_WHOSE))).scalars())


async def _of_nobody(database: Database) -> set[UUID]:
    async with database.transaction(None) as session:
        return set((await session.execute(text(_WHOSE))).scalars())


@pytest.mark.parametrize("request_of", [_raw, _mapped])
@pytest.mark.parametrize("asked_next", [_raw, _mapped])
async def test_what_is_given_up_at_any_moment_leaves_nothing_to_the_next(
    shared: tuple[Database, SeededShop, SeededShop],
    request_of: Request,
    asked_next: Request,
) -> None:
    database, mine, theirs = shared
    given_up = 0
    for step in range(STEPS):
        running = asyncio.create_task(request_of(database, theirs.id))
        for _ in range(step):
            # As far as it comes by then; at the later steps Postgres has time to answer.
            await asyncio.sleep(0 if step < STEPS // 2 else 0.0006)
        given_up += running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert await asked_next(database, mine.id) == {mine.id}, step
        assert await _of_nobody(database) == set(), step
    assert given_up >= STEPS // 2


async def test_many_at_once_on_one_connection_each_see_their_own(
    shared: tuple[Database, SeededShop, SeededShop],
) -> None:
    database, mine, theirs = shared
    running = [asyncio.create_task(_raw(database, (mine, theirs)[number % 2].id)) for number in range(20)]
    await asyncio.sleep(0.06)
    for task in running[::3]:
        task.cancel()
    answers = await asyncio.gather(*running, return_exceptions=True)
    seen = [(number, answer) for number, answer in enumerate(answers) if isinstance(answer, set)]
    assert len(seen) > 5
    assert all(answer == {(mine, theirs)[number % 2].id} for number, answer in seen)
