"""What carriers say of parcels: kept by the event's id before it is acted on, in any order, any number of times.

How far a parcel has come is the furthest that anybody has said, so the order in which events arrive can't matter. What
is said of a tracking number that no parcel has is kept until one has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from commerce.inventory.hot import MINE
from commerce.orders.held import Actor, enter, hold, save_states, tell
from commerce.orders.parcel_schemas import CarrierEventOut, CarrierReport, CarriersOut
from commerce.orders.states import furthest
from foundation import clock
from foundation.database import Database, Tx, hot
from foundation.errors import NotFound, Unauthenticated
from foundation.events import OrderDelivered
from foundation.ids import new_id
from foundation.webhooks import new_secret


class FulfilmentNotFound(NotFound):
    """The order has no such parcel."""

    code = "orders.fulfilment_not_found"


class ForgedCarrierEvent(Unauthenticated):
    """The event's signature is not the carrier's, or is too old."""

    code = "orders.forged_carrier_event"


@dataclass(frozen=True, slots=True)
class Parcel:
    """A parcel that a carrier has something to say of."""

    id: UUID
    order_id: UUID


# uq_carrier_account
_SECRET = hot(text("SELECT secret FROM carrier_account WHERE tenant_id = :tenant_id AND carrier = :carrier"))

_SET_SECRET = hot(
    text(
        """
        INSERT INTO carrier_account (tenant_id, id, carrier, secret) VALUES (:tenant_id, :id, :carrier, :secret)
        ON CONFLICT (tenant_id, carrier) DO UPDATE SET secret = excluded.secret
        """
    )
)

_CARRIERS = hot(text("SELECT carrier FROM carrier_account WHERE tenant_id = :tenant_id ORDER BY carrier"))

# uq_carrier_event: an event that is known already gives no row.
_KEEP = hot(
    text(
        """
        INSERT INTO carrier_event (tenant_id, id, carrier, event_id, tracking_number, status, occurred_at, place, note,
                                   received_at)
        VALUES (:tenant_id, :id, :carrier, :event_id, :tracking_number, :status, CAST(:occurred_at AS timestamptz),
                :place, :note, CAST(:now AS timestamptz))
        ON CONFLICT (tenant_id, carrier, event_id) DO NOTHING RETURNING id
        """
    )
)

# ix_carrier_event_unmatched and ix_fulfilment_tracking; of two parcels with one number, the newest is meant.
_MATCHING = hot(
    text(
        """
        SELECT DISTINCT f.id, f.order_id
        FROM carrier_event e
        CROSS JOIN LATERAL (
            SELECT p.id, p.order_id FROM fulfilment p
            WHERE p.tenant_id = e.tenant_id AND p.tracking_number = e.tracking_number
              AND (p.carrier IS NULL OR lower(p.carrier) = e.carrier)
            ORDER BY p.id DESC LIMIT 1) f
        WHERE e.tenant_id = :tenant_id AND e.fulfilment_id IS NULL
          AND (CAST(:tracking_number AS text) IS NULL OR e.tracking_number = CAST(:tracking_number AS text))
        LIMIT :limit
        """
    )
)

# The parcel's row is held through its order's.
_MATCH = hot(
    text(
        """
        UPDATE carrier_event e SET fulfilment_id = f.id
        FROM fulfilment f
        WHERE f.tenant_id = :tenant_id AND f.id = :fulfilment_id AND e.tenant_id = f.tenant_id
          AND e.fulfilment_id IS NULL AND e.tracking_number = f.tracking_number
          AND (f.carrier IS NULL OR lower(f.carrier) = e.carrier)
        RETURNING e.status, e.occurred_at
        """
    )
)

_PARCEL = hot(
    text("SELECT status FROM fulfilment WHERE tenant_id = :tenant_id AND id = :fulfilment_id AND order_id = :order_id")
)

_MOVE = hot(
    text(
        """
        UPDATE fulfilment SET status = CAST(:status AS text), delivered_at =
            CASE WHEN CAST(:status AS text) = 'delivered' THEN CAST(:at AS timestamptz) ELSE delivered_at END
        WHERE tenant_id = :tenant_id AND id = :fulfilment_id
        """
    )
)

_TRACK = hot(
    text(
        f"""
        UPDATE fulfilment SET carrier = CAST(:carrier AS text), tracking_number = CAST(:tracking_number AS text)
        WHERE tenant_id = :tenant_id AND id = :fulfilment_id AND order_id = :order_id
          AND {MINE.format(id="warehouse_id")}
        RETURNING id
        """  # noqa: S608  (a literal)
    )
)

# ix_carrier_event_unmatched
_UNMATCHED = hot(
    text(
        """
        SELECT id, carrier, event_id, tracking_number, status, occurred_at, place, note, received_at FROM carrier_event
        WHERE tenant_id = :tenant_id AND fulfilment_id IS NULL ORDER BY id DESC LIMIT :limit
        """
    )
)


async def connect(tx: Tx, carrier: str) -> str:
    """A new secret for a carrier's events; the one before is good no longer."""
    secret = new_secret()
    await tx.rows(_SET_SECRET, {"id": new_id(), "carrier": carrier, "secret": secret})
    return secret


async def carriers(tx: Tx) -> CarriersOut:
    """The carriers that may say something."""
    return CarriersOut(items=[row["carrier"] for row in await tx.rows(_CARRIERS)])


async def secret_of(tx: Tx, carrier: str) -> str:
    """What a carrier signs with.

    Raises:
        ForgedCarrierEvent: the shop knows no such carrier.
    """
    row = await tx.one(_SECRET, {"carrier": carrier})
    if row is None:
        raise ForgedCarrierEvent
    secret: str = row["secret"]
    return secret


async def keep(tx: Tx, carrier: str, event_id: str, report: CarrierReport) -> bool:
    """Keep an event before anything is done about it; `False` when it is known."""
    values = {**report.model_dump(), "id": new_id(), "carrier": carrier, "event_id": event_id, "now": clock.now()}
    return await tx.one(_KEEP, values) is not None


async def matching(tx: Tx, tracking_number: str | None = None, *, limit: int = 50) -> Sequence[Parcel]:
    """The parcels that something was said of which has not been acted on: of one number, or of any."""
    rows = await tx.rows(_MATCHING, {"tracking_number": tracking_number, "limit": limit})
    return [Parcel(row["id"], row["order_id"]) for row in rows]


async def follow(tx: Tx, parcel: Parcel) -> None:
    """Act on what has been said of a parcel: it moves on, or stays where it is.

    Raises:
        OrderNotFound, FulfilmentNotFound.
    """
    held = await hold(tx, parcel.order_id)
    said = await tx.rows(_MATCH, {"fulfilment_id": parcel.id})
    row = await tx.one(_PARCEL, {"fulfilment_id": parcel.id, "order_id": parcel.order_id})
    if row is None:
        raise FulfilmentNotFound
    status = furthest([row["status"], *(event["status"] for event in said)])
    if status == row["status"]:
        return
    at: datetime = min(event["occurred_at"] for event in said if event["status"] == status)
    await tx.rows(_MOVE, {"fulfilment_id": parcel.id, "status": status, "at": at})
    await save_states(held)
    await enter(held, status, CARRIER, fulfilment_id=parcel.id)
    if status == "delivered":
        await tell(held, CARRIER, OrderDelivered(order_id=held.id, fulfilment_id=parcel.id))


async def catch_up(database: Database, tenant_id: UUID, tracking_number: str | None = None) -> None:
    """Act on what was said and has not been acted on: of one tracking number, or of any."""
    async with database.tx(tenant_id, read_only=True) as tx:
        parcels = await matching(tx, tracking_number)
    for parcel in parcels:
        async with database.tx(tenant_id) as tx:
            await follow(tx, parcel)


async def track(
    tx: Tx, order_id: UUID, fulfilment_id: UUID, actor: Actor, *, carrier: str | None, tracking_number: str | None
) -> None:
    """Say who carries a parcel, under which number; what was said of the number before is acted on.

    Raises:
        OrderNotFound, FulfilmentNotFound.
    """
    held = await hold(tx, order_id)
    values = {"fulfilment_id": fulfilment_id, "order_id": order_id, "mine": actor.limits.mine}
    if await tx.one(_TRACK, {**values, "carrier": carrier, "tracking_number": tracking_number}) is None:
        raise FulfilmentNotFound
    await enter(
        held,
        "tracking_changed",
        actor,
        fulfilment_id=fulfilment_id,
        carrier=carrier,
        tracking_number=tracking_number,
    )
    await follow(tx, Parcel(fulfilment_id, order_id))


async def unmatched(tx: Tx, *, limit: int) -> list[CarrierEventOut]:
    """What was said of tracking numbers that no parcel has, newest first."""
    return [CarrierEventOut.model_validate(dict(row)) for row in await tx.rows(_UNMATCHED, {"limit": limit})]


CARRIER = Actor("system", "carrier")
