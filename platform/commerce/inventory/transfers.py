"""Units on their way from one warehouse to another: sent, in transit, and received in one go or several.

What is in transit is in no balance: it left the one's when it was sent and joins the other's when it arrives. What is
lost on the way joins too, and is written off at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from commerce.inventory import hot as stock
from commerce.inventory import promises
from commerce.inventory.keeping import Place, TransferToItself, draw_from, find, log, take_in, too_few
from commerce.inventory.lots import Drawn
from commerce.inventory.schemas import ArrivalIn, DispatchIn, DispatchOut, Placed
from commerce.inventory.supply import fill
from commerce.policies.limits import NONE, Limits
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound
from foundation.ids import new_id


class DispatchNotFound(NotFound):
    """Nothing was sent under this id."""

    code = "inventory.dispatch_not_found"


class NotInTransit(Conflict):
    """Fewer units are on their way."""

    code = "inventory.not_in_transit"

    asked: int
    in_transit: int


_SEND = hot(
    text(
        """
        WITH sent AS (
            INSERT INTO stock_transfer (tenant_id, id, variant_id, source_id, destination_id, reason, expected_on,
                                        sent_at)
            VALUES (:tenant_id, :id, :variant_id, :source_id, :destination_id, :reason, CAST(:expected_on AS date),
                    CAST(:at AS timestamptz)))
        INSERT INTO stock_transfer_part (tenant_id, id, transfer_id, lot, expires_on, quantity)
        SELECT :tenant_id, p.id, :id, p.lot, p.expires_on, p.units
        FROM unnest(CAST(:ids AS uuid[]), CAST(:lots AS text[]), CAST(:dates AS date[]), CAST(:units AS bigint[]))
             AS p (id, lot, expires_on, units)
        """
    )
)

# What arrives changes the warehouse that it goes to.
_HOLD = hot(
    text(
        f"""
        SELECT t.variant_id, v.product_id, t.destination_id FROM stock_transfer t
        JOIN variant v ON v.tenant_id = t.tenant_id AND v.id = t.variant_id
        WHERE t.tenant_id = :tenant_id AND t.id = :id AND {stock.MINE.format(id="t.destination_id")}
        FOR NO KEY UPDATE OF t
        """  # noqa: S608  (a literal)
    )
)

# uq_stock_transfer_part; what came without a lot is taken to arrive last.
_PARTS = hot(
    text(
        """
        SELECT id, lot, expires_on, quantity - received - lost AS units FROM stock_transfer_part
        WHERE tenant_id = :tenant_id AND transfer_id = :id AND quantity > received + lost
        ORDER BY expires_on NULLS LAST, lot NULLS LAST
        """
    )
)

_ARRIVE = hot(
    text(
        """
        UPDATE stock_transfer_part p SET received = p.received + a.received, lost = p.lost + a.lost
        FROM unnest(CAST(:ids AS uuid[]), CAST(:received AS bigint[]), CAST(:lost AS bigint[]))
             AS a (id, received, lost)
        WHERE p.tenant_id = :tenant_id AND p.id = a.id
        """
    )
)

# ix_stock_transfer_variant, newest first. Whoever is bound to some warehouses sees what leaves or reaches them.
_READ = """
    SELECT t.id, v.sku, a.code AS source, b.code AS destination, t.reason, t.expected_on, t.sent_at,
           sum(p.quantity)::bigint AS quantity, sum(p.received)::bigint AS received, sum(p.lost)::bigint AS lost,
           sum(p.quantity - p.received - p.lost)::bigint AS in_transit
    FROM stock_transfer t
    JOIN stock_transfer_part p ON p.tenant_id = t.tenant_id AND p.transfer_id = t.id
    JOIN variant v ON v.tenant_id = t.tenant_id AND v.id = t.variant_id
    JOIN warehouse a ON a.tenant_id = t.tenant_id AND a.id = t.source_id
    JOIN warehouse b ON b.tenant_id = t.tenant_id AND b.id = t.destination_id
    WHERE t.tenant_id = :tenant_id AND {which} AND ({leaves} OR {reaches})
    GROUP BY t.id, v.sku, a.code, b.code, t.reason, t.expected_on, t.sent_at
"""
_OWN = {"leaves": stock.MINE.format(id="t.source_id"), "reaches": stock.MINE.format(id="t.destination_id")}
_ONE = hot(text(_READ.format(which="t.id = :id", **_OWN)))
_OF_SKU = hot(
    text(
        _READ.format(which="v.sku = :sku AND t.id < CAST(:before AS uuid)", **_OWN) + " ORDER BY t.id DESC LIMIT :limit"
    )
)


async def send(tx: Tx, asked: DispatchIn, *, limits: Limits = NONE) -> DispatchOut:
    """Send available units to another warehouse; whoever is bound to some, from one of theirs to another.

    Raises:
        UnknownSku, IsBundle, UnknownWarehouse, TransferToItself.
        OutOfStock: fewer are available at the source; nothing is sent.
    """
    if asked.source == asked.destination:
        raise TransferToItself
    source = await find(tx, Placed(sku=asked.sku, warehouse=asked.source), limits=limits)
    destination = await find(tx, Placed(sku=asked.sku, warehouse=asked.destination), limits=limits)
    row = await tx.one(stock.SEND, source.values(asked.quantity))
    if row is None:
        raise await too_few(tx, source, asked.quantity)
    parts = await draw_from(tx, row, asked.quantity, "sent")
    transfer_id = new_id()
    await log(tx, row["id"], "transfer_out", parts, asked.reason, transfer_id)
    await promises.tell_level(tx, source.variant_id, source.product_id, row["available"])
    await tx.rows(
        _SEND,
        {
            "id": transfer_id,
            "variant_id": source.variant_id,
            "source_id": source.warehouse_id,
            "destination_id": destination.warehouse_id,
            "reason": asked.reason,
            "expected_on": asked.expected_on,
            "at": clock.now(),
            "ids": [new_id() for _ in parts],
            "lots": [part.code for part in parts],
            "dates": [part.expires_on for part in parts],
            "units": [part.units for part in parts],
        },
    )
    return await get(tx, transfer_id)


async def arrive(tx: Tx, transfer_id: UUID, arrival: ArrivalIn, *, limits: Limits = NONE) -> DispatchOut:
    """Take in what arrived of what was sent, and write off what won't.

    Raises:
        DispatchNotFound: there is none, or it goes to a warehouse that is not theirs.
        NotInTransit: fewer are on their way; nothing is taken in.
    """
    held = await tx.one(_HOLD, {"id": transfer_id, "mine": limits.mine})
    if held is None:
        raise DispatchNotFound
    open_ = await tx.rows(_PARTS, {"id": transfer_id})
    in_transit = sum(part["units"] for part in open_)
    asked = arrival.received + arrival.lost
    if not 0 < asked <= in_transit:
        raise NotInTransit(asked=asked, in_transit=in_transit)
    received, lost = [0] * len(open_), [0] * len(open_)
    for who, which, units in fill([arrival.received, arrival.lost], [part["units"] for part in open_]):
        (lost if who else received)[which] += units
    await tx.rows(_ARRIVE, {"ids": [part["id"] for part in open_], "received": received, "lost": lost})
    place = Place(held["variant_id"], held["product_id"], held["destination_id"])
    parts = [
        Drawn(None, part["lot"], part["expires_on"], units)
        for part, units in zip(open_, received, strict=True)
        if units
    ]
    await take_in(tx, place, parts, "transfer_in", arrival.reason, lost=arrival.lost, reference_id=transfer_id)
    return await get(tx, transfer_id)


async def get(tx: Tx, transfer_id: UUID, *, limits: Limits = NONE) -> DispatchOut:
    """What was sent under this id, and what became of it.

    Raises:
        DispatchNotFound.
    """
    row = await tx.one(_ONE, {"id": transfer_id, "mine": limits.mine})
    if row is None:
        raise DispatchNotFound
    return DispatchOut.model_validate(dict(row))


async def of_sku(tx: Tx, sku: str, *, before: UUID, limit: int, limits: Limits = NONE) -> Sequence[DispatchOut]:
    """What was sent of a SKU before the one named, newest first."""
    rows = await tx.rows(_OF_SKU, {"sku": sku, "before": before, "limit": limit, "mine": limits.mine})
    return [DispatchOut.model_validate(dict(row)) for row in rows]
