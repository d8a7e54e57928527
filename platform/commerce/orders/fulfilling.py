"""Parcels: sent with all or some of an order, and followed until they are delivered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import text

from commerce.inventory import allocation
from commerce.orders.held import Actor, Held, by_variant, enter, hold, open_units, save, save_states, tell, told
from commerce.orders.lines import written
from commerce.orders.parcel_schemas import ParcelStep
from commerce.orders.states import PARCEL_STEPS, step
from commerce.orders.tracking import FulfilmentNotFound
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Conflict
from foundation.events import OrderDelivered, OrderFulfilled
from foundation.ids import new_id


class NothingToSend(Conflict):
    """A parcel has something in it: none of the units asked for is left to send."""

    code = "orders.nothing_to_send"


class SeveralAddresses(Conflict):
    """A parcel goes to one address: these units go to several, or to another than was named."""

    code = "orders.several_addresses"

    consignment_ids: list[UUID]
    """Where there is something to send to."""


_SEND = hot(
    text(
        """
        WITH parcel AS (
            INSERT INTO fulfilment (tenant_id, id, order_id, consignment_id, carrier, tracking_number, shipped_at)
            VALUES (:tenant_id, :id, :order_id, CAST(:consignment_id AS uuid), CAST(:carrier AS text),
                    CAST(:tracking_number AS text), CAST(:at AS timestamptz))
            RETURNING id)
        INSERT INTO fulfilment_line (tenant_id, id, fulfilment_id, order_line_id, quantity)
        SELECT :tenant_id, l.id, parcel.id, l.line_id, l.quantity
        FROM parcel, unnest(CAST(:ids AS uuid[]), CAST(:line_ids AS uuid[]), CAST(:quantities AS bigint[]))
                     AS l (id, line_id, quantity)
        """
    )
)

_STATUS = hot(
    text("SELECT status FROM fulfilment WHERE tenant_id = :tenant_id AND id = :fulfilment_id AND order_id = :order_id")
)

_PROGRESS = hot(
    text(
        """
        UPDATE fulfilment SET status = CAST(:status AS text), delivered_at =
            CASE WHEN CAST(:status AS text) = 'delivered' THEN CAST(:at AS timestamptz) ELSE delivered_at END
        WHERE tenant_id = :tenant_id AND id = :fulfilment_id
        """
    )
)


async def fulfil(
    tx: Tx,
    order_id: UUID,
    actor: Actor,
    *,
    lines: Iterable[tuple[UUID, int]] | None = None,
    consignment_id: UUID | None = None,
    warehouse: str | None = None,
    carrier: str | None = None,
    tracking_number: str | None = None,
) -> UUID:
    """Send a parcel with units by line, or with all that has not left, of the order or of one of its consignments;
    gives the parcel's id. From a warehouse, if one is named: with all that it holds, unless units are named too.

    Raises:
        NotInYet, NotFromThere, UnknownWarehouse: nothing leaves.
        OrderNotFound, IllegalTransition, UnknownLine, TooManyUnits, NothingToSend, SeveralAddresses: nothing leaves.
    """
    held = await hold(tx, order_id)
    held.require("fulfil", actor)
    units = open_units(held, lines)
    if lines is None and consignment_id is not None:
        units = {line_id: n for line_id, n in units.items() if held.line(line_id).consignment_id == consignment_id}
    warehouse_id = None
    if warehouse is not None:
        warehouse_id, there = await allocation.held_at(tx, held.id, warehouse)
        units = units if lines is not None else _that_lie_there(held, units, there)
    if not units:
        raise NothingToSend
    consignment_id = _consignment_of(held, units, consignment_id)
    fulfilment_id = new_id()
    for line_id, quantity in units.items():
        held.line(line_id).fulfilled += quantity
    wanted = by_variant(held, units)
    await allocation.ship(tx, held.id, wanted, reference_id=fulfilment_id, warehouse_id=warehouse_id)
    await tx.rows(
        _SEND,
        {
            "id": fulfilment_id,
            "order_id": held.id,
            "consignment_id": consignment_id,
            "carrier": carrier,
            "tracking_number": tracking_number,
            "at": clock.now(),
            "ids": [new_id() for _ in units],
            "line_ids": list(units),
            "quantities": list(units.values()),
        },
    )
    await save(held)
    await enter(held, "fulfilled", actor, fulfilment_id=fulfilment_id, lines=written(units))
    said = OrderFulfilled(order_id=held.id, fulfilment_id=fulfilment_id, carrier=carrier, lines=told(held, units))
    await tell(held, actor, said)
    return fulfilment_id


def _that_lie_there(held: Held, units: Mapping[UUID, int], there: Mapping[UUID, int]) -> dict[UUID, int]:
    """As many of the units, by line, as a warehouse holds, by variant."""
    left = Counter(there)
    found: dict[UUID, int] = {}
    for line_id, quantity in units.items():
        needs = held.line(line_id).needs
        some = min(quantity, *(left[need.variant_id] // need.quantity for need in needs))
        if some:
            found[line_id] = some
            for need in needs:
                left[need.variant_id] -= some * need.quantity
    return found


def _consignment_of(held: Held, units: Mapping[UUID, int], named: UUID | None) -> UUID | None:
    """The one consignment that units are of; `None` for an order that goes one way.

    Raises:
        SeveralAddresses.
    """
    found = {held.line(line_id).consignment_id for line_id in units} - {None}
    if len(found) > 1 or (named is not None and found != {named}):
        left = {line.consignment_id for line in held.lines.values() if line.open and line.consignment_id}
        raise SeveralAddresses(consignment_ids=sorted(left))
    return next(iter(found), None)


async def progress(tx: Tx, order_id: UUID, fulfilment_id: UUID, status: ParcelStep, actor: Actor) -> None:
    """A parcel has come further.

    Raises:
        OrderNotFound, FulfilmentNotFound, IllegalTransition.
    """
    held = await hold(tx, order_id)
    parcel = await tx.one(_STATUS, {"fulfilment_id": fulfilment_id, "order_id": order_id})
    if parcel is None:
        raise FulfilmentNotFound
    step(PARCEL_STEPS, parcel["status"], status)
    await tx.rows(_PROGRESS, {"fulfilment_id": fulfilment_id, "status": status, "at": clock.now()})
    await save_states(held)
    await enter(held, status, actor, fulfilment_id=fulfilment_id)
    if status == "delivered":
        await tell(held, actor, OrderDelivered(order_id=held.id, fulfilment_id=fulfilment_id))
