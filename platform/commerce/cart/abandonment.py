"""Carts that were left with something in them: told of once, and again when they were gone on with and left again.

`abandoned` reads it off the stream of events, wherever that is kept; `mark` is what the worker does with the carts
themselves, and writes the event. Where every touch of a cart is an event they say the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from foundation import clock
from foundation.database import Tx, hot
from foundation.events import CartAbandoned, Context, Event, record
from foundation.outbox import announce

BATCH = 500


@dataclass(slots=True)
class _Followed:
    units: int = 0
    last_active_at: datetime | None = None
    told: bool = False


def abandoned(events: Iterable[Event], *, at: datetime, after: timedelta) -> dict[UUID, datetime]:
    """The carts that are abandoned at a time and have not been told of, with when each was last active.

    A cart is abandoned when it holds something, has not become an order, and nothing has happened to it for `after`.
    Events may come in any order and more than once, as they are delivered.
    """
    once = {event.event_id: event for event in events if event.occurred_at <= at}
    carts: dict[UUID, _Followed] = {}
    for event in sorted(once.values(), key=lambda found: (found.occurred_at, found.event_id)):
        _follow(carts, event)
    return {
        cart_id: cart.last_active_at
        for cart_id, cart in carts.items()
        if cart.units > 0 and not cart.told and cart.last_active_at is not None and cart.last_active_at <= at - after
    }


def _follow(carts: dict[UUID, _Followed], event: Event) -> None:
    said = event.payload
    match event.name:
        case "add_to_cart":
            _active(carts, event, event.aggregate_id, units=_units(said))
        case "remove_from_cart":
            _active(carts, event, event.aggregate_id, units=-_units(said))
        case "begin_checkout":
            _active(carts, event, event.aggregate_id, units=0)
        case "cart.merged":
            carts.pop(UUID(said["merged_id"]), None)
            cart_id = UUID(said["cart_id"])
            _active(carts, event, cart_id, units=said["units"] - carts.get(cart_id, _Followed()).units)
        case "cart.abandoned":
            carts.setdefault(event.aggregate_id, _Followed()).told = True
        case "order.placed":
            carts.pop(UUID(said["cart_id"]), None) if said.get("cart_id") else None
        case _:
            pass


def _active(carts: dict[UUID, _Followed], event: Event, cart_id: UUID, *, units: int) -> None:
    cart = carts.setdefault(cart_id, _Followed())
    cart.units += units
    cart.last_active_at, cart.told = event.occurred_at, False


def _units(said: Mapping[str, Any]) -> int:
    return sum(item.get("quantity", 1) for item in said["items"])


# ix_cart_watched. A cart that its shopper touches in this moment is left to them. An empty one is marked as well, so
# that it is not looked at again.
_MARK = hot(
    text(
        """
        WITH idle AS (
            SELECT c.id FROM cart c
            WHERE c.tenant_id = :tenant_id AND c.status = 'open' AND c.abandoned_at IS NULL
              AND c.updated_at <= CAST(:since AS timestamptz)
            ORDER BY c.id LIMIT :limit FOR UPDATE SKIP LOCKED)
        UPDATE cart c SET abandoned_at = CAST(:now AS timestamptz) FROM idle
        WHERE c.tenant_id = :tenant_id AND c.id = idle.id
        RETURNING c.id, c.currency, c.visitor_id, c.customer_id, c.updated_at,
                  (SELECT count(*) FROM cart_line l WHERE l.tenant_id = c.tenant_id AND l.cart_id = c.id) AS lines,
                  (SELECT coalesce(sum(l.quantity), 0)::bigint FROM cart_line l
                   WHERE l.tenant_id = c.tenant_id AND l.cart_id = c.id) AS units,
                  (SELECT coalesce(sum(l.quantity * l.unit_price), 0)::bigint FROM cart_line l
                   WHERE l.tenant_id = c.tenant_id AND l.cart_id = c.id) AS value
        """
    )
)


async def mark(tx: Tx, *, after: timedelta) -> int:
    """Tell of the carts that have been left for `after` with something in them; says how many."""
    now = clock.now()
    rows = await tx.rows(_MARK, {"since": now - after, "now": now, "limit": BATCH})
    events = [
        record(
            CartAbandoned(
                cart_id=row["id"],
                currency=row["currency"],
                value=row["value"],
                lines=row["lines"],
                units=row["units"],
                last_active_at=row["updated_at"],
            ),
            tenant_id=tx.tenant_id,
            aggregate_id=row["id"],
            context=Context(shopper_id=row["customer_id"], visitor_id=row["visitor_id"]),
        )
        for row in rows
        if row["lines"]
    ]
    await announce(tx, events)
    return len(events)
