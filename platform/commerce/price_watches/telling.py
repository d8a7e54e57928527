"""The worker that tells who watches a price that it has fallen, once for each fall.

Prices that began lately are what may have fallen (`price_period`: every change of a price begins one, and so does a
sale when its time comes). What counts is what the customer pays, who may have a price of their own, beside what they
were last told. However many of their lists have the thing, they are told once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from commerce.identity import accounts
from commerce.notifications import service as notifications
from commerce.sessions.signing_in import reached_at
from commerce.tenancy.rounds import keep_going_round
from commerce.tenancy.service import Shop
from commerce.wishlists.costing import Cost, cost_of
from foundation import clock
from foundation.database import Database, Tx, hot
from foundation.events import PriceDropSent, record
from foundation.money import readable
from foundation.outbox import announce
from foundation.turns import in_turn

log = structlog.get_logger(__name__)
PERIOD_SECONDS = 15.0
WORTH_TELLING = 95
"""Per cent of what they were last told, at most, that it has to cost."""
LATELY = timedelta(days=3)
"""How long the worker may have been away, or the thing sold out, for a fall to be told all the same."""
_TURNS = 45

# ix_price_period_begins, ix_wishlist_item_watched
_DUE = hot(
    text(
        """
        SELECT DISTINCT w.holder_id, i.variant_id, h.began
        FROM (SELECT variant_id, max(starts_at) AS began FROM price_period
              WHERE tenant_id = :tenant_id AND currency = :currency
                AND starts_at > CAST(:since AS timestamptz) AND starts_at <= CAST(:now AS timestamptz)
              GROUP BY variant_id) h
        JOIN wishlist_item i ON i.tenant_id = :tenant_id AND i.variant_id = h.variant_id
            AND i.watched_price IS NOT NULL AND i.looked_at < h.began
        JOIN wishlist w ON (w.tenant_id, w.id) = (i.tenant_id, i.wishlist_id)
        ORDER BY w.holder_id, i.variant_id
        """
    )
)
# ix_wishlist_holder, uq_wishlist_item_variant
_WATCHED = hot(
    text(
        """
        SELECT i.id, i.watched_price, i.watched_locale, i.watched_home
        FROM wishlist w JOIN wishlist_item i ON (i.tenant_id, i.wishlist_id) = (w.tenant_id, w.id)
        WHERE w.tenant_id = :tenant_id AND w.holder_id = :holder_id AND i.variant_id = :variant_id
          AND i.watched_price IS NOT NULL
        ORDER BY i.watched_price, i.id FOR UPDATE OF i
        """
    )
)
_LOOKED = hot(
    text(
        """
        UPDATE wishlist_item
        SET looked_at = CAST(:began AS timestamptz), watched_price = coalesce(CAST(:told AS bigint), watched_price)
        WHERE tenant_id = :tenant_id AND id = ANY(CAST(:ids AS uuid[]))
        """
    )
)


async def run(database: Database) -> None:
    """Go round all shops until it is cancelled."""

    async def see_to(shop: Shop) -> None:
        told = await tell(database, shop)
        if told:
            log.info("worker.price_drops", tenant=shop.slug, told=told)

    await keep_going_round("price_drops", database, see_to, every=PERIOD_SECONDS)


async def tell(database: Database, shop: Shop) -> int:
    """Tell everybody of what has fallen that they watch; how many mails that makes."""
    now = clock.now()
    async with database.tx(shop.id, read_only=True) as tx:
        due = await tx.rows(_DUE, {"currency": shop.currency, "since": now - LATELY, "now": now})
    told = 0
    for one in due:
        async with database.tx(shop.id) as tx:
            told += await _tell(tx, shop, one["holder_id"], one["variant_id"], one["began"])
    return told


def is_worth_telling(price: int, last_told: int) -> bool:
    """Whether a price is so much below what they were last told."""
    return price * 100 <= last_told * WORTH_TELLING and price < last_told


async def _tell(tx: Tx, shop: Shop, customer_id: UUID, variant_id: UUID, began: datetime) -> bool:
    await in_turn(tx, f"{customer_id}:{variant_id}", seed=_TURNS)
    rows = await tx.rows(_WATCHED, {"holder_id": customer_id, "variant_id": variant_id})
    cost = await cost_of(tx, variant_id, currency=shop.currency, customer_id=customer_id)
    if not rows or cost.price is None or cost.available <= 0:  # it may be back while that is news
        return False
    fallen = is_worth_telling(cost.price, rows[0]["watched_price"])
    ids = [row["id"] for row in rows]
    await tx.rows(_LOOKED, {"ids": ids, "began": began, "told": cost.price if fallen else None})
    return fallen and await _write(tx, shop, customer_id, variant_id, rows, cost)


async def _write(
    tx: Tx, shop: Shop, customer_id: UUID, variant_id: UUID, rows: Sequence[Mapping[str, Any]], cost: Cost
) -> bool:
    """Queue the mail, if the customer is reached and wants such mails."""
    last = rows[0]
    account = await accounts.by_customer(tx, customer_id)
    to = reached_at(account, last["watched_locale"]) if account is not None else None
    if to is None or cost.price is None:
        return False
    values = {
        "product": cost.title,
        "price": readable(cost.price, shop.currency),
        "before": readable(last["watched_price"], shop.currency),
        "link": f"{last['watched_home']}/p/{cost.handle}",
    }
    if await notifications.offer(tx, "price_drop", to, values) is None:
        return False
    fact = PriceDropSent(variant_id=variant_id, product_id=cost.product_id)
    await announce(tx, [record(fact, tenant_id=tx.tenant_id, aggregate_id=variant_id)])
    return True
