"""`tradewind privacy`: what is plain is sealed, keys are wrapped anew, whoever was forgotten stays so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import commerce.tables  # noqa: F401  (a table of one context refers to those of others)
from commerce.privacy import covering, erasing, rotating
from commerce.tenancy import service as tenancy
from commerce.tenancy.service import Shop
from foundation.database import Database
from foundation.settings import EngineNotConfigured, Settings
from tradewind.errors import StackError


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


def _in_all(done: str, work: Callable[[Database, Settings, Shop], Awaitable[int]]) -> list[str]:
    try:
        return asyncio.run(_run(Settings(), done, work))
    except EngineNotConfigured as fault:
        raise NotDone(str(fault)) from fault


async def _run(settings: Settings, done: str, work: Callable[[Database, Settings, Shop], Awaitable[int]]) -> list[str]:
    database = Database.of(settings, pool_size=2)
    try:
        async with database.transaction(None) as session:
            shops = await tenancy.all_shops(session)
        return [f"{shop.slug}: {await work(database, settings, shop)} {done}" for shop in shops]
    finally:
        await database.close()
