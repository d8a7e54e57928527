"""The worker that tells whoever waits, in the order of asking, and no more of them than there is to be had.

A mail to everybody about one unit disappoints all but one. So as many are told as there are units, and those who were
told within a day count as if they still came: what they leave is told to the next ones after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from commerce.catalog.variants import sold_as
from commerce.identity import accounts
from commerce.notifications import service as notifications
from commerce.notifications.service import Recipient
from commerce.sessions.signing_in import reached_at
from commerce.stock_alerts.service import UNITS
from commerce.tenancy.rounds import keep_going_round
from commerce.tenancy.service import Shop
from foundation import clock, sealing
from foundation.database import Database, Tx, hot
from foundation.events import StockAlertSent, record
from foundation.outbox import announce
from foundation.turns import in_turn

log = structlog.get_logger(__name__)
PERIOD_SECONDS = 15.0
HEAD_START = timedelta(hours=24)
"""How long those who were told have before others are told of the same units."""
AT_ONCE = 200
"""Told of a variant in one transaction."""
_TURNS = 43

# ix_stock_alert_waiting; a variant that is not for sale has nothing to tell.
_DUE = hot(
    text(
        f"""
        SELECT v.id FROM (SELECT DISTINCT variant_id FROM stock_alert
                          WHERE tenant_id = :tenant_id AND told_at IS NULL) w
        JOIN variant v ON v.tenant_id = :tenant_id AND v.id = w.variant_id
        JOIN product p ON p.tenant_id = v.tenant_id AND p.id = v.product_id
        WHERE p.status = 'published' AND NOT v.discontinued AND {UNITS} > 0
        """  # noqa: S608  (the fragment is a literal)
    )
)

# ix_stock_alert_variant
_ROOM = hot(
    text(
        f"""
        SELECT v.product_id, p.handle, p.title AS product_title, v.title AS variant_title,
               {UNITS} - (SELECT count(*) FROM stock_alert a
                          WHERE a.tenant_id = v.tenant_id AND a.variant_id = v.id
                            AND a.told_at > CAST(:since AS timestamptz)) AS room
        FROM variant v JOIN product p ON p.tenant_id = v.tenant_id AND p.id = v.product_id
        WHERE v.tenant_id = :tenant_id AND v.id = :variant_id
        """  # noqa: S608  (the fragment is a literal)
    )
)
_TELL = hot(
    text(
        """
        WITH next AS (
            SELECT id FROM stock_alert WHERE tenant_id = :tenant_id AND variant_id = :variant_id AND told_at IS NULL
            ORDER BY id LIMIT CAST(:room AS bigint) FOR UPDATE SKIP LOCKED)
        UPDATE stock_alert a SET told_at = CAST(:now AS timestamptz) FROM next n
        WHERE a.tenant_id = :tenant_id AND a.id = n.id
        RETURNING a.id, a.customer_id, a.email, a.locale, a.home
        """
    )
)


async def run(database: Database) -> None:
    """Go round all shops until it is cancelled."""

    async def see_to(shop: Shop) -> None:
        told = await tell(database, shop.id)
        if told:
            log.info("worker.stock_alerts", tenant=shop.slug, told=told)

    await keep_going_round("stock_alerts", database, see_to, every=PERIOD_SECONDS)


async def tell(database: Database, tenant_id: UUID) -> int:
    """Tell whoever is next of everything that can be had; how many were told."""
    async with database.tx(tenant_id, read_only=True) as tx:
        due = [row["id"] for row in await tx.rows(_DUE)]
    told = 0
    for variant_id in due:
        async with database.tx(tenant_id) as tx:
            told += await _tell(tx, variant_id)
    return told


async def _tell(tx: Tx, variant_id: UUID) -> int:
    await in_turn(tx, str(variant_id), seed=_TURNS)
    now = clock.now()
    variant = await tx.one(_ROOM, {"variant_id": variant_id, "since": now - HEAD_START})
    if variant is None or variant["room"] <= 0:
        return 0
    room = min(variant["room"], AT_ONCE)
    found = await tx.rows(_TELL, {"variant_id": variant_id, "room": room, "now": now})
    for one in sorted(found, key=lambda row: row["id"]):
        await _write(tx, variant, one)
    facts = [
        StockAlertSent(alert_id=one["id"], variant_id=variant_id, product_id=variant["product_id"]) for one in found
    ]
    await announce(tx, [record(fact, tenant_id=tx.tenant_id, aggregate_id=variant_id) for fact in facts])
    return len(found)


async def _write(tx: Tx, variant: Mapping[str, Any], one: Mapping[str, Any]) -> None:
    to = await _reached(tx, one)
    if to is None:
        return
    called = sold_as(variant["product_title"], variant["variant_title"])
    link = f"{one['home']}/p/{variant['handle']}"
    await notifications.offer(tx, "back_in_stock", to, {"product": called, "link": link})


async def _reached(tx: Tx, one: Mapping[str, Any]) -> Recipient | None:
    if one["customer_id"] is None:
        (email,) = await sealing.unseal(tx, [one["email"]])
        return Recipient(one["id"], "email", email, one["locale"]) if email else None
    account = await accounts.by_customer(tx, one["customer_id"])
    return reached_at(account, one["locale"]) if account is not None else None
