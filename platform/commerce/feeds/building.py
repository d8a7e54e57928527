"""The worker that builds product feeds: those that staff ask for, and those whose time has come."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any, cast
from uuid import UUID

from commerce.archives.queue import Turn, next_turn
from commerce.catalog import counting
from commerce.exchange import feeding
from commerce.exchange.feeding import Sifted
from commerce.feeds import builds
from commerce.feeds.builds import Written
from commerce.tenancy.rounds import keep_going_round
from commerce.tenancy.service import Shop
from foundation import objects
from foundation.archives import Measured
from foundation.database import Database
from foundation.naming import ObjectPath
from foundation.settings import Settings

PERIOD_SECONDS = 10.0
_TOLD_EVERY = 500
"""Products between two words of how far a build is."""


async def run(database: Database, settings: Settings) -> None:
    """Go round all shops until it is cancelled."""

    async def see_to_shop(shop: Shop) -> None:
        await see_to(database, settings, shop)

    if settings.objects_url is not None:
        await keep_going_round("product_feeds", database, see_to_shop, every=PERIOD_SECONDS, with_drafts=True)


async def see_to(database: Database, settings: Settings, shop: Shop) -> bool:
    """Build the next of a shop's feeds, if one waits or its time has come; whether one did."""
    async with database.tx(shop.id) as tx:
        await builds.ask_due(tx)

    async def work(turn: Turn, claimed: Mapping[str, Any]) -> None:
        await _build(database, settings, shop, turn, claimed["feed_id"])

    return await next_turn(builds.QUEUE, database, shop.id, "product_feeds.interrupted", work)


async def _build(database: Database, settings: Settings, shop: Shop, turn: Turn, feed_id: UUID) -> None:
    url, made, sifted = settings.objects_url or "", False, Sifted()
    try:
        written = await _written(url, shop.id, turn, _pieces(database, shop, turn, feed_id, sifted))
        async with database.tx(shop.id) as tx:
            await builds.ready(tx, turn, written, sifted)
        made = True
    finally:
        # What earlier attempts left is nobody's, and so is this one's unless it is the feed.
        nobodys = Turn(turn.id, turn.attempt - 1 if made else turn.attempt)
        for path in builds.paths_of(shop.id, [nobodys]):
            await asyncio.to_thread(objects.delete, url, path)


async def _pieces(database: Database, shop: Shop, turn: Turn, feed_id: UUID, sifted: Sifted) -> AsyncIterator[bytes]:
    """The feed; how far it is is told on the way."""
    async with database.tx(shop.id, read_only=True) as tx:
        feed, total = await builds.declared(tx, feed_id), await counting.products(tx)
    products = 0

    def seen(count: int) -> None:
        nonlocal products
        products += count

    language = None if feed.language == shop.locale else feed.language
    spoken = replace(shop, language=language)
    told = 0
    async for piece in feeding.pieces(database, spoken, home=feed.home, channel=feed.channel, sifted=sifted, seen=seen):
        yield piece
        if products - told >= _TOLD_EVERY:
            told = products
            async with database.tx(shop.id) as tx:
                await builds.go_on(tx, turn, products=products, total=max(total, products))
    async with database.tx(shop.id) as tx:
        await builds.go_on(tx, turn, products=products, total=max(total, products))


async def _written(url: str, tenant_id: UUID, turn: Turn, pieces: AsyncIterator[bytes]) -> Written:
    """Write the file, and beside it the same packed: whoever fetches it takes either as it is."""
    paths: list[ObjectPath] = [builds.path_of(tenant_id, turn, packed=packed) for packed in (False, True)]
    outs = [await asyncio.to_thread(objects.writing, url, path) for path in paths]
    plain, packed = (Measured(out) for out in outs)
    # Without a time in it, so that the same feed is the same bytes.
    packing = gzip.GzipFile(filename="", mode="wb", fileobj=cast("Any", packed), mtime=0)
    try:
        async for piece in pieces:
            await asyncio.to_thread(plain.write, piece)
            await asyncio.to_thread(packing.write, piece)
        await asyncio.to_thread(packing.close)
    finally:
        for out in outs:
            await asyncio.to_thread(out.close)
    return Written(plain.size, packed.size, plain.sha256)
