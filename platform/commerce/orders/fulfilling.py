"""Parcels: each sent from one warehouse with all or some of an order, and followed until they are delivered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from commerce.inventory import allocation
from commerce.inventory.allocation import Reserved
from commerce.inventory.hot import MINE
from commerce.inventory.rules import Near
from commerce.orders import downloads, gift_sales
from commerce.orders.dispatching import Dispatch, dispatches, fitting
from commerce.orders.held import Actor, Held, by_variant, enter, hold, open_units, save, save_states, tell, told
from commerce.orders.lines import written
from commerce.orders.parcel_schemas import ParcelStep
from commerce.orders.states import PARCEL_STEPS, step
from commerce.orders.tracking import FulfilmentNotFound
from foundation import clock
from foundation.database import Database, Tx, hot
from foundation.errors import Conflict
from foundation.events import OrderDelivered, OrderFulfilled
from foundation.ids import new_id

_BY_ITSELF = Actor("staff", "system")


class NothingToSend(Conflict):
    """A parcel has something in it: none of the units asked for is left to send."""

    code = "orders.nothing_to_send"


class SeveralAddresses(Conflict):
    """A parcel goes to one address: these units go to several, or to another than was named."""

    code = "orders.several_addresses"

    consignment_ids: list[UUID]
    """Where there is something to send to."""


class SeveralWarehouses(Conflict):
    """A tracking number is of one parcel, and these units leave from several warehouses; name one of them at a time."""

    code = "orders.several_warehouses"

    warehouses: list[str]


@dataclass(frozen=True, slots=True)
class _Parcel:
    """What the parcels that leave at once have in common."""

    consignment_id: UUID | None
    carrier: str | None
    tracking_number: str | None


_SEND = hot(
    text(
        """
        WITH parcel AS (
            INSERT INTO fulfilment (tenant_id, id, order_id, consignment_id, warehouse_id, carrier, tracking_number,
                                    shipped_at)
            VALUES (:tenant_id, :id, :order_id, CAST(:consignment_id AS uuid), CAST(:warehouse_id AS uuid),
                    CAST(:carrier AS text), CAST(:tracking_number AS text), CAST(:at AS timestamptz))
            RETURNING id)
        INSERT INTO fulfilment_line (tenant_id, id, fulfilment_id, order_line_id, quantity)
        SELECT :tenant_id, l.id, parcel.id, l.line_id, l.quantity
        FROM parcel, unnest(CAST(:ids AS uuid[]), CAST(:line_ids AS uuid[]), CAST(:quantities AS bigint[]))
                     AS l (id, line_id, quantity)
        """
    )
)

_ADDRESS = hot(
    text(
        """
        SELECT address->>'country' AS country, address->>'region' AS region FROM order_consignment
        WHERE tenant_id = :tenant_id AND id = :consignment_id
        """
    )
)

_STATUS = hot(
    text(
        f"""
        SELECT status FROM fulfilment
        WHERE tenant_id = :tenant_id AND id = :fulfilment_id AND order_id = :order_id
          AND {MINE.format(id="warehouse_id")}
        """  # noqa: S608  (a literal)
    )
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
) -> list[UUID]:
    """Send units by line, or all that has not left, of the order or of one of its consignments; gives the parcels' ids.

    From a warehouse, if one is named: with all that it holds, unless units are named too. Otherwise one parcel leaves
    each warehouse that they lie in; from whoever is bound to some, each of those.

    Raises:
        NotInYet, NotFromThere, UnknownWarehouse, SeveralWarehouses: nothing leaves.
        OrderNotFound, IllegalTransition, UnknownLine, TooManyUnits, NothingToSend, SeveralAddresses: nothing leaves.
        NotPaidYet, DownloadsNotPaid: a gift card or a download would leave before its money is here; nothing leaves.
    """
    held = await hold(tx, order_id)
    held.require("fulfil", actor)
    units = open_units(held, lines)
    if lines is None:  # what is downloaded goes by itself
        units = {line_id: n for line_id, n in units.items() if not held.line(line_id).digital}
    if lines is None and consignment_id is not None:
        units = {line_id: n for line_id, n in units.items() if held.line(line_id).consignment_id == consignment_id}
    there = await allocation.reserved(tx, held.id, by_variant(held, units), limits=actor.limits)
    needs = {line_id: {need.variant_id: need.quantity for need in held.line(line_id).needs} for line_id in units}
    warehouse_id = None
    if warehouse is not None:
        warehouse_id = await allocation.warehouse_id_of(tx, warehouse, limits=actor.limits)
        units = units if lines is not None else fitting(units, needs, there.there().get(warehouse_id, {}))
    elif there.in_some and lines is None:
        units = fitting(units, needs, there.anywhere())
    if not units:
        raise NothingToSend
    parcel = _Parcel(_consignment_of(held, units, consignment_id), carrier, tracking_number)
    if warehouse_id is not None:
        leaving = [Dispatch(units, warehouse_id)]
    else:
        await allocation.require_held(tx, there, by_variant(held, units))
        near = await _near(held, parcel.consignment_id)
        leaving = dispatches(units, needs, there.there(), there.distances(near) if near else None)
    if len(leaving) > 1 and tracking_number is not None:
        raise SeveralWarehouses(warehouses=sorted(there.codes().values()))
    sent = [(await _send(held, there, parcel, dispatch), dispatch.units) for dispatch in leaving]
    await save(held)
    for fulfilment_id, left in sent:
        await enter(held, "fulfilled", actor, fulfilment_id=fulfilment_id, lines=written(left))
        said = OrderFulfilled(order_id=held.id, fulfilment_id=fulfilment_id, carrier=carrier, lines=told(held, left))
        await tell(held, actor, said)
        await gift_sales.deliver(held, left, actor)
        await downloads.grant(held, left)
    return [fulfilment_id for fulfilment_id, _ in sent]


async def hand_out(database: Database, tenant_id: UUID) -> int:
    """Hand out what is downloaded of orders that are paid for, each in a transaction of its own; of how many orders."""
    async with database.tx(tenant_id, read_only=True) as tx:
        due = await downloads.due(tx)
    for order_id in due:
        async with database.tx(tenant_id) as tx:
            await _hand_out(tx, order_id)
    return len(due)


async def _hand_out(tx: Tx, order_id: UUID) -> None:
    held = await hold(tx, order_id)
    units = {line.id: line.open for line in held.lines.values() if line.open and line.digital}
    if not units or held.states.payment not in downloads.PAID:  # somebody was faster
        return
    for fulfilment_id in await fulfil(tx, order_id, _BY_ITSELF, lines=units.items()):
        await progress(tx, order_id, fulfilment_id, "delivered", _BY_ITSELF)


async def _near(held: Held, consignment_id: UUID | None) -> Near | None:
    """Where a consignment goes, as far as that is known."""
    if consignment_id is None:
        return None
    row = await held.tx.one(_ADDRESS, {"consignment_id": consignment_id})
    return Near(row["country"], row["region"]) if row and row["country"] else None


async def _send(held: Held, there: Reserved, parcel: _Parcel, dispatch: Dispatch) -> UUID:
    """One parcel leaves; gives its id."""
    fulfilment_id = new_id()
    for line_id, quantity in dispatch.units.items():
        held.line(line_id).fulfilled += quantity
    wanted = by_variant(held, dispatch.units)
    await allocation.ship(held.tx, there, wanted, reference_id=fulfilment_id, warehouse_id=dispatch.warehouse_id)
    await held.tx.rows(
        _SEND,
        {
            "id": fulfilment_id,
            "order_id": held.id,
            "consignment_id": parcel.consignment_id,
            "warehouse_id": dispatch.warehouse_id,
            "carrier": parcel.carrier,
            "tracking_number": parcel.tracking_number,
            "at": clock.now(),
            "ids": [new_id() for _ in dispatch.units],
            "line_ids": list(dispatch.units),
            "quantities": list(dispatch.units.values()),
        },
    )
    return fulfilment_id


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
    asked = {"fulfilment_id": fulfilment_id, "order_id": order_id, "mine": actor.limits.mine}
    parcel = await tx.one(_STATUS, asked)
    if parcel is None:
        raise FulfilmentNotFound
    step(PARCEL_STEPS, parcel["status"], status)
    await tx.rows(_PROGRESS, {"fulfilment_id": fulfilment_id, "status": status, "at": clock.now()})
    await save_states(held)
    await enter(held, status, actor, fulfilment_id=fulfilment_id)
    if status == "delivered":
        await tell(held, actor, OrderDelivered(order_id=held.id, fulfilment_id=fulfilment_id))
