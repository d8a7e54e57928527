"""The worker that writes the catalogue into files, and deletes those whose time is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import IO, Any, cast

import structlog

from commerce.archives.queue import TakenOver, Turn, while_held
from commerce.catalog import counting
from commerce.exchange import exporting, exports, feeding
from commerce.exchange.exporting import Asked, TooLarge
from commerce.exchange.feeding import Sifted
from commerce.tenancy.rounds import keep_going_round
from commerce.tenancy.service import Shop
from foundation import objects
from foundation.archives import Measured
from foundation.database import Database, DatabaseUnavailable
from foundation.settings import Settings

log = structlog.get_logger(__name__)
PERIOD_SECONDS = 2.0


async def run(database: Database, settings: Settings) -> None:
    """Go round all shops until it is cancelled."""

    async def see_to_shop(shop: Shop) -> None:
        await see_to(database, settings, shop)

    if settings.objects_url is not None:
        await keep_going_round("catalogue_exports", database, see_to_shop, every=PERIOD_SECONDS, with_drafts=True)


async def see_to(database: Database, settings: Settings, shop: Shop) -> bool:
    """Delete old files, and write the one that a shop has asked for, if it has; whether one was made."""
    async with database.tx(shop.id) as tx:
        row, over = await exports.QUEUE.claim(tx), await exports.QUEUE.expire(tx)
    for one in over:
        await _delete(settings, shop, one)
    return row is not None and await _make(database, settings, shop, row)


async def _make(database: Database, settings: Settings, shop: Shop, claimed: Mapping[str, Any]) -> bool:
    turn, made = Turn(claimed["id"], claimed["attempt"]), False
    try:
        written = await _write(database, settings, shop, turn, claimed)
        async with database.tx(shop.id) as tx:
            made = await exports.QUEUE.ready(tx, turn, size=written.size, sha256=written.sha256)
    except TakenOver:
        pass
    except TooLarge as fault:
        async with database.tx(shop.id) as tx:
            await exports.refuse(tx, turn, str(fault))
    except (OSError, DatabaseUnavailable) as fault:
        log.warning("catalogue_exports.interrupted", tenant=shop.slug, attempt=turn.attempt, error=str(fault))
        async with database.tx(shop.id) as tx:
            await exports.QUEUE.let_go(tx, turn)
    # What earlier attempts left is nobody's, and so is this one's unless it is the file.
    await _delete(settings, shop, Turn(turn.id, turn.attempt - 1 if made else turn.attempt))
    return made


async def _write(
    database: Database, settings: Settings, shop: Shop, turn: Turn, claimed: Mapping[str, Any]
) -> Measured:
    async with database.tx(shop.id, read_only=True) as tx:
        total = await counting.products(tx)
    products, sifted = 0, Sifted()

    def seen(count: int) -> None:
        nonlocal products
        products += count

    async def go_on() -> None:
        async with database.tx(shop.id) as tx:
            await exports.go_on(tx, turn, products=products, total=max(total, products))

    out = await asyncio.to_thread(objects.writing, settings.objects_url or "", exports.path_of(shop.id, turn))
    measured = Measured(out)
    try:
        await while_held(_written(database, shop, claimed, cast("IO[bytes]", measured), sifted, seen), go_on)
    finally:
        await asyncio.to_thread(out.close)
    await go_on()
    async with database.tx(shop.id) as tx:
        await exports.leave_out(tx, turn, sifted)
    return measured


async def _written(
    database: Database,
    shop: Shop,
    claimed: Mapping[str, Any],
    file: IO[bytes],
    sifted: Sifted,
    seen: Callable[[int], None],
) -> None:
    if claimed["format"] != "google":
        asked = Asked(shop.id, shop.currency, claimed["costs"])
        await exporting.write(database, asked, claimed["format"], file, seen=seen)
        return
    async for piece in feeding.pieces(database, shop, home=claimed["home"], sifted=sifted, seen=seen):
        await asyncio.to_thread(file.write, piece)


async def _delete(settings: Settings, shop: Shop, last: Turn) -> None:
    """The files of an export's attempts, up to one."""
    for attempt in range(1, last.attempt + 1):
        path = exports.path_of(shop.id, Turn(last.id, attempt))
        await asyncio.to_thread(objects.delete, settings.objects_url or "", path)
