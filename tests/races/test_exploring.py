"""The explorer of interleavings finds what goes wrong in some of them, and misses none that is different."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import text

from foundation.database import hot
from tests.factories import SeededShop, seed_shop
from tests.races.exploring import Do, Walk, walk
from tests.races.hands import Stepped

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

PLACES = ("stock", "warehouse")
_WHERE = {
    "stock": ("stock", "kept_back", "kept_back <= 1000000"),
    "warehouse": ("stock_policy", "promised", "backorder_limit = 1000000"),
}
Program = Sequence[Sequence[tuple[str, str]]]
"""Transactions of a hand, each of operations on a place."""


def _statements(place: str) -> dict[str, object]:
    table, column, where = _WHERE[place]
    where = f"tenant_id = :tenant_id AND {where}"
    return {
        "read": hot(text(f"SELECT {column} AS n FROM {table} WHERE {where}")),
        "lock": hot(text(f"SELECT {column} AS n FROM {table} WHERE {where} FOR UPDATE")),
        "write": hot(text(f"UPDATE {table} SET {column} = CAST(:n AS bigint) WHERE {where}")),
        "add": hot(text(f"UPDATE {table} SET {column} = {column} + 1 WHERE {where} RETURNING {column} AS n")),
    }


_SQL = {place: _statements(place) for place in PLACES}


@dataclass(frozen=True)
class Counting:
    """Two hands that count in one or two places; every way it ends is noted."""

    database: Stepped
    tenant_id: UUID
    hands: tuple[Do, Do]
    ends: set[tuple[object, ...]]
    right: int | None

    async def faults(self, answers: Sequence[str]) -> list[str]:
        """A count that is not what it has to be."""
        counted = [(await self._rows(place))[0]["n"] for place in PLACES]
        self.ends.add((*answers, *counted))
        return [] if self.right is None or counted[0] == self.right else [f"{counted[0]} were counted"]

    async def _rows(self, place: str) -> Sequence[asyncpg.Record]:
        async with self.database.tx(self.tenant_id, read_only=True) as tx:
            return await tx.rows(_SQL[place]["read"])  # type: ignore[arg-type]


class Bench:
    """One shop with a place to count in each of two tables."""

    def __init__(self, shop: SeededShop, database: Stepped, observer: asyncpg.Pool) -> None:
        self.shop, self.database, self.observer = shop, database, observer
        self.ends: set[tuple[object, ...]] = set()

    async def walk(self, one: Program, two: Program, *, right: int | None = None, reduced: bool = True) -> Walk:
        """Every interleaving of two programs."""
        self.ends = set()
        hands = (partial(self._run, one), partial(self._run, two))

        async def prepare() -> Counting:
            async with self.database.tx(self.shop.id) as tx:
                for place in PLACES:
                    await tx.rows(_SQL[place]["write"], {"n": 0})  # type: ignore[arg-type]
            return Counting(self.database, self.shop.id, hands, self.ends, right)

        return await walk(prepare, self.observer, reduced=reduced)

    async def _run(self, program: Program) -> str:
        seen = []
        n = 0
        for operations in program:
            async with self.database.tx(self.shop.id) as tx:
                for what, place in operations:
                    values = {"n": n + 1} if what == "write" else {}
                    rows = await tx.rows(_SQL[place][what], values)  # type: ignore[arg-type]
                    if rows:
                        n = rows[0]["n"]
                        seen.append(n)
        return repr(seen)


@pytest.fixture
async def bench(database_urls: DatabaseUrls) -> AsyncIterator[Bench]:
    shop = seed_shop(database_urls, "counted", titles=("Soup",))
    database = Stepped(database_urls.app, pool_size=4)
    async with database.tx(shop.id) as tx:
        await tx.connection.fetch(
            "INSERT INTO stock_policy (tenant_id, id, variant_id, safety_stock, backorder_limit, lead_days)"
            " VALUES ($1, gen_random_uuid(), $2, 0, 1000000, 1)",
            shop.id,
            shop.products[0].variant_id,
        )
    async with asyncpg.create_pool(database_urls.app, min_size=2, max_size=2) as observer:
        yield Bench(shop, database, observer)
    await database.close()


READ_THEN_WRITE = [[("read", "stock"), ("write", "stock")]]
LOCK_THEN_WRITE = [[("lock", "stock"), ("write", "stock")]]


async def test_a_count_that_is_read_then_written_loses_one(bench: Bench) -> None:
    assert (await bench.walk(READ_THEN_WRITE, READ_THEN_WRITE, right=2)).faults[0] == "1 were counted"


async def test_a_count_that_is_locked_first_loses_none(bench: Bench) -> None:
    seen = await bench.walk(LOCK_THEN_WRITE, LOCK_THEN_WRITE, right=2)
    assert (seen.faults, seen.whole) == ([], True)
    assert seen.explored < seen.of


async def test_hands_at_different_tables_have_one_schedule(bench: Bench) -> None:
    seen = await bench.walk([[("add", "stock")] * 3], [[("add", "warehouse")] * 3])
    assert (seen.explored, seen.repeated, seen.of) == (1, 0, 70)


async def test_locks_that_are_taken_in_another_order_are_a_deadlock(bench: Bench) -> None:
    one, two = [("lock", "stock"), ("lock", "warehouse")], [("lock", "warehouse"), ("lock", "stock")]
    assert (await bench.walk([one], [two])).faults[0] == "the two wait for each other"


def _program(chosen: random.Random, transactions: int) -> Program:
    """Transactions that take the places in one order, so that they can't wait for each other."""
    return [
        [(chosen.choice(["read", "lock", "write", "add"]), place) for place in PLACES[: chosen.randint(1, 2)]]
        for _ in range(transactions)
    ]


@pytest.mark.parametrize("seed", range(5))
async def test_every_end_that_some_interleaving_has_is_seen_with_fewer_of_them(seed: int, bench: Bench) -> None:
    chosen = random.Random(seed)
    one, two = _program(chosen, 2), _program(chosen, 1)
    every = await bench.walk(one, two, reduced=False)
    ends = bench.ends
    fewer = await bench.walk(one, two)
    assert (every.faults, fewer.faults) == ([], [])
    assert bench.ends == ends
    assert fewer.explored <= every.explored
