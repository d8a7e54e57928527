"""`tradewind events`: events of browsers that were not taken, and once more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import commerce.tables  # noqa: F401  (a table of one context refers to those of others)
from commerce.behaviour import dead_letters as letters
from commerce.behaviour.dead_letters import AT_ONCE, Wanted
from commerce.paging import LAST
from commerce.tenancy import service as tenancy
from commerce.tenancy.service import Shop
from foundation.database import Database
from foundation.settings import EngineNotConfigured, Settings
from tradewind.errors import StackError

T = TypeVar("T")


class NoSuchShop(StackError):
    """No shop has this name."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"There is no shop {slug}: `tradewind tenant list` names those there are.")


class NotConfigured(StackError):
    """An engine has no address."""


def dead_letters(wanted: Wanted, *, shop: str | None = None, limit: int = 100) -> Iterator[str]:
    """Dead letters as JSON, one a line: the latest of each shop first, at most so many of each.

    Raises:
        NoSuchShop, NotConfigured.
    """

    async def work(database: Database, of: Shop) -> list[str]:
        lines: list[str] = []
        before = LAST
        while len(lines) < limit:
            async with database.tx(of.id, read_only=True) as tx:
                found = await letters.page(tx, wanted, before=before, limit=min(AT_ONCE, limit - len(lines)))
            if not found:
                break
            lines += [f'{{"shop":"{of.slug}",{one.model_dump_json()[1:]}' for _, one in found]
            before = found[-1][0]
        return lines

    return (line for lines in _in(shop, work) for line in lines)


def replay(wanted: Wanted, *, shop: str | None = None) -> list[str]:
    """Try dead letters again; a line for each shop.

    Raises:
        NoSuchShop, NotConfigured.
    """

    async def work(database: Database, of: Shop) -> str:
        done = await letters.replay(database, of.id, wanted)
        return f"{of.slug}: {done.delivered} delivered, {done.left} still broken"

    return _in(shop, work)


def _in(slug: str | None, work: Callable[[Database, Shop], Awaitable[T]]) -> list[T]:
    try:
        return asyncio.run(_run(Settings(), slug, work))
    except EngineNotConfigured as fault:
        raise NotConfigured(str(fault)) from fault


async def _run(settings: Settings, slug: str | None, work: Callable[[Database, Shop], Awaitable[T]]) -> list[T]:
    database = Database.of(settings, pool_size=2)
    try:
        async with database.transaction(None) as session:
            shops = await tenancy.all_shops(session, with_drafts=True)
        asked = [shop for shop in shops if slug in {None, shop.slug}]
        if not asked and slug is not None:
            raise NoSuchShop(slug)
        return [await work(database, shop) for shop in asked]
    finally:
        await database.close()
