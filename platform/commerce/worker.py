"""The core's housekeeping: stock held too long goes back, half-way payments are finished, what expired is written off.

`python -m commerce.worker` runs it for every tenant until it is told to stop.
"""

from __future__ import annotations

import asyncio
import signal
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import structlog
from sqlalchemy.exc import SQLAlchemyError

import commerce.letters
import commerce.tables  # noqa: F401  (messages that contexts declare; tables that refer to those of others)
from commerce.audit import linking
from commerce.billing import rounds
from commerce.billing.service import configured as configured_billing
from commerce.bulk_pricing import working as bulk_prices
from commerce.cart import abandonment
from commerce.catalog.collections import filling as collections
from commerce.catalog.products import living as products
from commerce.checkout.notifications import Notifications
from commerce.checkout.service import Checkout
from commerce.domains import checking as domains
from commerce.domains.records import Dns
from commerce.exchange import fetching as image_links
from commerce.exchange import making as catalogue_exports
from commerce.exchange import working as imports
from commerce.feeds import building as product_feeds
from commerce.identity import acting
from commerce.inventory import expiry, promises
from commerce.inventory import service as inventory
from commerce.leaving import working as leaving
from commerce.media import working as media
from commerce.merchandising.telling import Teller
from commerce.notifications import sending
from commerce.orders import fulfilling, tracking
from commerce.orders.paying import Additional
from commerce.payments.providers import configured
from commerce.payments.providers.test import notifying as test_bank
from commerce.payments.reconciliation.nightly import Nightly
from commerce.plans import metering
from commerce.price_watches import telling as price_drops
from commerce.privacy import covering, erasing, parting
from commerce.privacy import making as person_exports
from commerce.retention import running as retention
from commerce.stock_alerts import telling as stock_alerts
from commerce.stored_value import service as stored_value
from commerce.taxes import declaring, engines
from commerce.tenancy import publishing
from commerce.tenancy import service as tenancy
from commerce.tenancy.rounds import go_round
from commerce.tenancy.service import Shop
from commerce.webhooks.telling import run as telling_webhooks
from foundation import clients, telemetry
from foundation.database import Database, DatabaseUnavailable
from foundation.naming import cache_key
from foundation.settings import Settings, get_settings
from foundation.tasks import ended

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = structlog.get_logger(__name__)

PERIOD_SECONDS = 2.0
STUCK_AFTER = timedelta(minutes=2)
"""Longer than any provider's time-out, so a payment that is still being authorised is left alone."""


async def notify(database: Database, settings: Settings, client: httpx.AsyncClient, shop: Shop) -> None:
    """Let the test bank tell a shop what took time, by its own webhook."""
    async with database.transaction(None) as session:
        host = await tenancy.a_host_of(session, shop.id)
    if host is not None and settings.environment != "production":
        secret = settings.test_bank_secret.get_secret_value()
        address = settings.test_bank_notifies
        await test_bank.notify(database, shop.id, address=address, host=host, secret=secret, client=client)


async def tidy(
    database: Database,
    redis: Redis,
    checkout: Checkout,
    nightly: Nightly,
    teller: Teller,
    shop: Shop,
    *,
    abandoned_after: timedelta,
) -> None:
    """One round for one shop."""
    finished = await checkout.recover(shop, older_than=STUCK_AFTER)
    finished += await Notifications(checkout).catch_up(shop.id)
    await Additional(database, checkout.providers).lapse(shop.id)
    await tracking.catch_up(database, shop.id)
    handed_out = await fulfilling.hand_out(database, shop.id)
    async with database.tx(shop.id) as tx:
        released = await inventory.release_expired(tx)
        await expiry.write_off_expired(tx)
        kept = await promises.keep_what_came_in(tx)
        sold_out = await inventory.sold_out_products(tx)
        await acting.end_what_is_over(tx)
    async with database.tx(shop.id) as tx:
        published = await products.publish_due(tx, currency=shop.currency)
    async with database.tx(shop.id, read_only=True) as tx:
        await teller.tell(redis, tx)
    async with database.tx(shop.id) as tx:
        expired = await stored_value.expire(tx)
    async with database.tx(shop.id) as tx:
        await declaring.declare(tx)
    async with database.tx(shop.id) as tx:
        abandoned = await abandonment.mark(tx, after=abandoned_after)
    await _tell_sold_out(redis, shop, sold_out)
    await nightly.run(shop.id)
    if finished or released or expired:
        log.info("worker.tidied", tenant=shop.slug, payments=finished, reservations=released, stored_value=expired)
    if handed_out:
        log.info("worker.downloads_handed_out", tenant=shop.slug, orders=handed_out)
    if published:
        log.info("worker.products_published", tenant=shop.slug, products=published)
    if abandoned:
        log.info("worker.carts_abandoned", tenant=shop.slug, carts=abandoned)
    if kept:
        log.info("worker.promises_kept", tenant=shop.slug, units=kept)


async def _tell_sold_out(redis: Redis, shop: Shop, product_ids: list[str]) -> None:
    key = cache_key(shop.id, "out_of_stock")
    async with redis.pipeline(transaction=True) as pipe:
        pipe.delete(key)
        if product_ids:
            pipe.sadd(key, *product_ids)
        await pipe.execute()


async def run(settings: Settings) -> None:
    """Go round until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    database = Database.of(settings, pool_size=3)
    await database.require_one_schema()
    redis = clients.redis_async(settings)
    hold_for = timedelta(seconds=settings.reservation_ttl_seconds)
    checkout = Checkout(database, configured(database, settings), hold_for, engines.configured(settings))
    abandoned_after = timedelta(minutes=settings.cart_abandoned_after_minutes)
    nightly, teller = Nightly(database, checkout.providers), Teller()
    client = httpx.AsyncClient()
    # By itself: a mail server that is slow holds nothing else up.
    posting = asyncio.create_task(sending.run(database, settings, client))
    metered = asyncio.create_task(metering.run(database, settings))
    billed = asyncio.create_task(rounds.run(configured_billing(database, settings)))
    domained = asyncio.create_task(domains.run(database, settings, Dns.of(settings)))
    exported = asyncio.create_task(leaving.run(database, settings))
    parted = asyncio.create_task(parting.run(database, settings))
    retained = asyncio.create_task(retention.run(database, settings))
    handed_out = asyncio.create_task(person_exports.run(database, settings))
    alerted = asyncio.create_task(stock_alerts.run(database))
    watched = asyncio.create_task(price_drops.run(database))
    collected = asyncio.create_task(collections.run(database))
    pictured = asyncio.create_task(media.run(database, settings))
    imported = asyncio.create_task(imports.run(database, settings))
    repriced = asyncio.create_task(bulk_prices.run(database))
    linked = asyncio.create_task(image_links.run(database, settings))
    written_out = asyncio.create_task(catalogue_exports.run(database, settings))
    fed = asyncio.create_task(product_feeds.run(database, settings))
    log.info("worker.started")
    telling = asyncio.create_task(telling_webhooks(settings, stop))
    telling.add_done_callback(lambda _: stop.set())
    try:
        await _begin(database, settings)
        while not stop.is_set():
            await _round(settings, database, redis, checkout, nightly, teller, client, abandoned_after)
            try:
                await asyncio.wait_for(stop.wait(), PERIOD_SECONDS)
            except TimeoutError:
                continue
    finally:
        stop.set()
        await telling
        await ended(posting, metered, billed, domained, exported, handed_out, parted, retained, alerted)
        await ended(watched, collected, pictured, imported, linked, repriced, written_out, fed)
        await client.aclose()
        await redis.aclose()
        await checkout.providers.close()
        await database.close()


async def _begin(database: Database, settings: Settings) -> None:
    """Whoever was forgotten and came back, out of a backup, is forgotten anew, and what is still plain is sealed.

    The worker starts without it when something is in the way; the next start tries again.
    """

    async def see_to(shop: Shop) -> None:
        risen = await erasing.replay(database, settings, shop.id)
        sealed = await covering.cover(database, shop.id)
        if risen or sealed:
            log.info("worker.privacy", tenant=shop.slug, forgotten_anew=risen, sealed=sealed)

    try:
        await go_round(database, see_to)
    except (DatabaseUnavailable, SQLAlchemyError, OSError) as fault:
        log.warning("worker.privacy_interrupted", error=str(fault).splitlines()[0])


async def _round(
    settings: Settings,
    database: Database,
    redis: Redis,
    checkout: Checkout,
    nightly: Nightly,
    teller: Teller,
    client: httpx.AsyncClient,
    abandoned_after: timedelta,
) -> None:
    from redis.exceptions import RedisError  # noqa: PLC0415

    async def see_to(shop: Shop) -> None:
        await tidy(database, redis, checkout, nightly, teller, shop, abandoned_after=abandoned_after)
        await notify(database, settings, client, shop)
        await linking.run(database, shop.id, settings)
        if shop.is_apart:
            await publishing.publish(database, shop.id)

    try:
        await go_round(database, see_to)
    except (DatabaseUnavailable, SQLAlchemyError, OSError, RedisError) as fault:
        log.warning("worker.interrupted", error=str(fault).splitlines()[0])


if __name__ == "__main__":
    telemetry.configure(get_settings())
    asyncio.run(run(get_settings()))
