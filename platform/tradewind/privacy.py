"""`tradewind privacy`: what is plain is sealed, keys are wrapped anew, the forgotten stay so, what is over goes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import commerce.tables  # noqa: F401  (a table of one context refers to those of others)
from commerce.privacy import covering, erasing, rotating
from commerce.retention import running as retention
from commerce.tenancy import service as tenancy
from commerce.tenancy.service import Shop
from foundation.database import Database
from foundation.settings import EngineNotConfigured, Settings
from tradewind.errors import StackError

T = TypeVar("T")


class NotDone(StackError):
    """It can't be done."""


def seal() -> list[str]:
    """Seal what is plain, in every shop; a line for each.

    Raises:
        NotDone: Postgres has no address.
    """
    return _in_all("rows sealed", lambda database, _, shop: covering.cover(database, shop.id))


def replay_tombstones() -> list[str]:
    """Forget anew whoever came back; a line for each shop.

    Raises:
        NotDone: Postgres has no address.
    """
    return _in_all(
        "people forgotten anew", lambda database, settings, shop: erasing.replay(database, settings, shop.id)
    )


def rotate_keys() -> list[str]:
    """Wrap every data key by the first key-encryption key; a line for each shop.

    Raises:
        NotDone: Postgres has no address.
    """
    return _in_all("keys wrapped anew", lambda database, _, shop: rotating.rotate(database, shop.id))


def retain(*, dry_run: bool) -> list[str]:
    """Throw away what is over, or only count it; a line for each rule that found something in a shop.

    Raises:
        NotDone: Postgres has no address, or a file can't be deleted.
    """

    async def work(database: Database, settings: Settings, shop: Shop) -> list[str]:
        if dry_run:
            found, said = await retention.due(database, shop.id), "would go"
        else:
            found, said = await retention.follow(database, settings, shop.id), "gone"
        lines = [f"{shop.slug}: {name}: {count} {said}" for name, count in found.items() if count]
        return lines or [f"{shop.slug}: nothing is over"]

    try:
        return [line for lines in asyncio.run(_run(Settings(), work)) for line in lines]
    except (EngineNotConfigured, OSError) as fault:
        raise NotDone(str(fault)) from fault


def _in_all(done: str, work: Callable[[Database, Settings, Shop], Awaitable[int]]) -> list[str]:
    try:

        async def said(database: Database, settings: Settings, shop: Shop) -> str:
            return f"{shop.slug}: {await work(database, settings, shop)} {done}"

        return asyncio.run(_run(Settings(), said))
    except EngineNotConfigured as fault:
        raise NotDone(str(fault)) from fault


async def _run(settings: Settings, work: Callable[[Database, Settings, Shop], Awaitable[T]]) -> list[T]:
    database = Database.of(settings, pool_size=2)
    try:
        async with database.transaction(None) as session:
            shops = await tenancy.all_shops(session, with_drafts=True)
        return [await work(database, settings, shop) for shop in shops]
    finally:
        await database.close()
