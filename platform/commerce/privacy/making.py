"""The worker that makes people's archives, tells them, and deletes those whose time is over."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import IO, cast
from uuid import UUID

import structlog

from commerce.archives.queue import TakenOver, while_held
from commerce.leaving.storage import Store
from commerce.notifications import service as notifications
from commerce.privacy import asking, collecting, exports
from commerce.privacy.erasing import UnknownPerson
from commerce.privacy.exports import Claim
from commerce.tenancy.rounds import keep_going_round
from commerce.tenancy.service import Shop
from foundation.database import Database, DatabaseUnavailable, Tx
from foundation.sealed_files import Sealing
from foundation.sealing import Unreadable
from foundation.settings import Settings

log = structlog.get_logger(__name__)
PERIOD_SECONDS = 5.0


async def run(database: Database, settings: Settings) -> None:
    """Go round all shops until it is cancelled; without an object store there is nowhere to keep archives."""
    if settings.objects_url is not None:
        await keep_going_round("person_exports", database, partial(see_to, database, settings), every=PERIOD_SECONDS)


async def see_to(database: Database, settings: Settings, shop: Shop) -> bool:
    """Make an archive that somebody has asked for, if anybody has, and delete old ones; whether one was made."""
    async with database.tx(shop.id) as tx:
        claimed, over = await exports.claim(tx), await exports.expire(tx)
    for path in over:
        await _delete(settings, path)
    return claimed is not None and await _make(database, settings, shop, claimed)


async def _make(database: Database, settings: Settings, shop: Shop, claimed: Claim) -> bool:
    from clickhouse_connect.driver.exceptions import ClickHouseError  # noqa: PLC0415

    path, made = claimed.path(shop.id), False
    try:
        size, sha256 = await _write(database, settings, shop.id, claimed)
        async with database.tx(shop.id) as tx:
            made = await exports.QUEUE.ready(tx, claimed.turn, size=size, sha256=sha256)
            if made:
                await _tell(tx, shop, claimed)
    except TakenOver:
        pass
    except (ClickHouseError, DatabaseUnavailable, OSError, Unreadable, UnknownPerson) as fault:
        log.warning("person_exports.failed", tenant=shop.slug, attempt=claimed.turn.attempt, error=type(fault).__name__)
        async with database.tx(shop.id) as tx:
            await exports.QUEUE.let_go(tx, claimed.turn)
    if not made:
        await _delete(settings, path)
    return made


async def _write(database: Database, settings: Settings, tenant_id: UUID, claimed: Claim) -> tuple[int, str]:
    out = await asyncio.to_thread(Store.at(settings.objects_url or "").writing, claimed.path(tenant_id))
    sealed = Sealing(out, claimed.key)

    async def prolong() -> None:
        async with database.tx(tenant_id) as tx:
            await exports.QUEUE.prolong(tx, claimed.turn)

    writing = collecting.write(database, settings, tenant_id, claimed.customer_id, cast("IO[bytes]", sealed))
    try:
        archive = await while_held(writing, prolong)
        await asyncio.to_thread(sealed.finish)
    finally:
        await asyncio.to_thread(out.close)
    return archive.size, archive.sha256


async def _tell(tx: Tx, shop: Shop, claimed: Claim) -> None:
    """Write to its owner; whoever has no address asked the shop, which tells them."""
    reached = await asking.reached(tx, claimed.customer_id, shop.locale)
    if reached is not None:
        values = {"name": reached.name, "link": f"{claimed.home}{asking.PAGE}"}
        await notifications.send(tx, "export_ready", reached.to, values)


async def _delete(settings: Settings, path: str) -> None:
    await asyncio.to_thread(Store.at(settings.objects_url or "").remove, path)
