"""What one of a variant costs somebody right now."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from commerce.cart import today
from commerce.catalog.variants import sold_as
from commerce.channels.service import WEB
from foundation import clock
from foundation.database import Tx, hot


@dataclass(frozen=True, slots=True)
class Cost:
    """A variant, and the price of one."""

    product_id: UUID
    handle: str
    title: str
    price: int | None
    """In minor units; `None` when it is not sold any more."""
    available: int


_ONE = hot(
    text(
        f"""
        SELECT {today.COLUMNS}
        FROM (SELECT CAST(:tenant_id AS uuid) AS tenant_id, CAST(:variant_id AS uuid) AS variant_id) l {today.TABLES}
        """  # noqa: S608  (the fragments are literals)
    )
)


async def cost_of(
    tx: Tx,
    variant_id: UUID,
    *,
    currency: str,
    customer_id: UUID | None,
    visitor_id: UUID | None = None,
    channel: str = WEB,
) -> Cost:
    """What one costs a customer or a visitor on a sales channel, for a variant that is there."""
    now = clock.now()
    asked = {"variant_id": variant_id, "currency": currency, "now": now}
    row = await tx.one(_ONE, {**asked, "customer_id": customer_id, "visitor_id": visitor_id, "channel": channel})
    if row is None:
        raise RuntimeError("a variant that something refers to is gone")
    price = today.price_today(row, quantity=1, at=now)
    title = sold_as(row["product_title"], row["variant_title"])
    return Cost(row["product_id"], row["handle"], title, price.amount if price else None, row["available"])
