"""A vendor's orders as the vendor sees them, and their place in an order as staff see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import text

from commerce.vendors.schemas import VendorOrderDetail, VendorOrderOut
from foundation.database import Tx, hot
from foundation.errors import NotFound


class ToSend(NamedTuple):
    """Of a line, what has neither left nor been cancelled."""

    units: int
    consignment_id: UUID | None
    """What they go with; `None` in an order that goes one way."""


class VendorOrderNotFound(NotFound):
    """You have no such order to send."""

    code = "vendors.order_not_found"


_SUMMARY = """
    SELECT v.id, v.number, d.code AS vendor, v.commission, v.earned, v.paid_out, lines.gross,
           CASE WHEN lines.cancelled = lines.quantity THEN 'cancelled'
                WHEN lines.fulfilled = 0 THEN 'unfulfilled'
                WHEN lines.fulfilled + lines.cancelled < lines.quantity THEN 'partially_fulfilled'
                ELSE 'shipped' END AS fulfilment_state
    FROM vendor_order v
    JOIN vendor d ON d.tenant_id = v.tenant_id AND d.id = v.vendor_id
    JOIN orders o ON o.tenant_id = v.tenant_id AND o.id = v.order_id
    CROSS JOIN LATERAL (
        SELECT sum(l.quantity) AS quantity, sum(l.fulfilled) AS fulfilled, sum(l.cancelled) AS cancelled,
               sum(l.total + CASE WHEN o.tax_included THEN 0 ELSE l.tax END)::bigint AS gross
        FROM order_line l
        WHERE l.tenant_id = v.tenant_id AND l.order_id = v.order_id AND l.vendor_id = v.vendor_id) lines
    WHERE v.tenant_id = :tenant_id
"""

# ix_vendor_order_vendor; an id is a time, so newest first is its order.
_PAGE = hot(
    text(
        f"""{_SUMMARY} AND v.vendor_id = :vendor_id AND v.id < CAST(:before AS uuid)
        ORDER BY v.id DESC LIMIT :limit"""
    )
)

# uq_vendor_order_order
_OF_ORDER = hot(text(f"{_SUMMARY} AND v.order_id = :order_id ORDER BY d.code"))

_ONE = hot(text(f"{_SUMMARY} AND v.vendor_id = :vendor_id AND v.id = :id"))

_GOODS = hot(
    text(
        """
        SELECT jsonb_build_object(
            'currency', o.currency, 'placed_at', o.placed_at, 'address', o.address,
            'lines', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                          'id', l.id, 'sku', l.sku, 'title', l.title, 'quantity', l.quantity, 'fulfilled', l.fulfilled,
                          'cancelled', l.cancelled, 'returned', l.returned, 'total', l.total) ORDER BY l.id), '[]')
                      FROM order_line l
                      WHERE l.tenant_id = v.tenant_id AND l.order_id = v.order_id AND l.vendor_id = v.vendor_id))
        FROM vendor_order v JOIN orders o ON o.tenant_id = v.tenant_id AND o.id = v.order_id
        WHERE v.tenant_id = :tenant_id AND v.id = :id
        """
    )
)

_LINES_TO_SEND = hot(
    text(
        """
        SELECT v.order_id, l.id, l.quantity - l.fulfilled - l.cancelled AS units, l.consignment_id
        FROM vendor_order v
        JOIN order_line l ON l.tenant_id = v.tenant_id AND l.order_id = v.order_id AND l.vendor_id = v.vendor_id
        WHERE v.tenant_id = :tenant_id AND v.vendor_id = :vendor_id AND v.id = :id ORDER BY l.id
        """
    )
)


async def page(tx: Tx, vendor_id: UUID, *, before: UUID, limit: int) -> Sequence[VendorOrderOut]:
    """A vendor's orders older than the one named, newest first."""
    rows = await tx.rows(_PAGE, {"vendor_id": vendor_id, "before": before, "limit": limit})
    return [VendorOrderOut.model_validate(dict(row)) for row in rows]


async def of_order(tx: Tx, order_id: UUID) -> list[VendorOrderOut]:
    """The vendors' parts of an order."""
    return [VendorOrderOut.model_validate(dict(row)) for row in await tx.rows(_OF_ORDER, {"order_id": order_id})]


async def one(tx: Tx, vendor_id: UUID, vendor_order_id: UUID) -> VendorOrderDetail:
    """A vendor's order, with what to send and where to.

    Raises:
        VendorOrderNotFound: there is none, or it is another vendor's.
    """
    row = await tx.one(_ONE, {"vendor_id": vendor_id, "id": vendor_order_id})
    if row is None:
        raise VendorOrderNotFound
    goods = orjson.loads(await tx.json(_GOODS, {"id": vendor_order_id}) or b"{}")
    return VendorOrderDetail.model_validate({**dict(row), **goods})


async def lines_of(tx: Tx, vendor_id: UUID, vendor_order_id: UUID) -> tuple[UUID, dict[UUID, ToSend]]:
    """The order that a vendor order is part of, and its lines with what is left to send of them.

    Raises:
        VendorOrderNotFound: there is none, or it is another vendor's.
    """
    rows = await tx.rows(_LINES_TO_SEND, {"vendor_id": vendor_id, "id": vendor_order_id})
    if not rows:
        raise VendorOrderNotFound
    return rows[0]["order_id"], {row["id"]: ToSend(row["units"], row["consignment_id"]) for row in rows}
