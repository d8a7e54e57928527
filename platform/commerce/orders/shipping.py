"""Giving the delivery back by itself: its price with its tax, of an order or of one of its consignments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from sqlalchemy import text

from commerce.orders.held import Actor, Held, credit, enter, hold, save_states, start_due_refunds
from commerce.payments import settlement
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound


class ConsignmentNotFound(NotFound):
    """The order has no such consignment."""

    code = "orders.consignment_not_found"


class ShippingRefundTooHigh(Conflict):
    """So much was not charged for the delivery, or has been given back already."""

    code = "orders.shipping_refund_too_high"

    amount: int
    refundable: int


@dataclass(frozen=True, slots=True)
class _Charged:
    id: UUID | None
    """The consignment's; `None` for an order that goes one way."""
    left: int


# uq_order_consignment_number
_CHARGED = hot(
    text(
        """
        SELECT id, shipping_charged - shipping_credited AS left FROM order_consignment
        WHERE tenant_id = :tenant_id AND order_id = :order_id
          AND (CAST(:consignment_id AS uuid) IS NULL OR id = CAST(:consignment_id AS uuid))
        ORDER BY number
        """
    )
)

_CHARGED_IN_ALL = hot(
    text(
        """
        SELECT shipping + CASE WHEN tax_included THEN 0 ELSE shipping_tax END - shipping_credited AS left FROM orders
        WHERE tenant_id = :tenant_id AND id = :order_id
        """
    )
)

# The order's row is held, and a CHECK on each table refuses more than was charged.
_CREDIT = hot(
    text(
        """
        WITH parts AS (
            UPDATE order_consignment c SET shipping_credited = c.shipping_credited + p.amount
            FROM unnest(CAST(:consignment_ids AS uuid[]), CAST(:amounts AS bigint[])) AS p (id, amount)
            WHERE c.tenant_id = :tenant_id AND c.order_id = :order_id AND c.id = p.id)
        UPDATE orders SET shipping_credited = shipping_credited + CAST(:amount AS bigint)
        WHERE tenant_id = :tenant_id AND id = :order_id
        """
    )
)


async def refund_shipping(
    tx: Tx,
    order_id: UUID,
    actor: Actor,
    *,
    amount: int | Literal["all"],
    reason: str,
    consignment_id: UUID | None = None,
    to: str | None = None,
) -> None:
    """Credit the delivery, or an amount of it in minor units, and start to give it back.

    Raises:
        OrderNotFound, IllegalTransition, ConsignmentNotFound, NoCustomer.
        ShippingRefundTooHigh, RefundTooMuch: there is not so much of it left, or the actor may not; nothing is
            credited.
    """
    held = await hold(tx, order_id)
    held.require("refund", actor)
    charged = await _charged(held, consignment_id)
    balance = await settlement.balance(tx, held.id)
    refundable = min(sum(part.left for part in charged), balance.refundable, held.total - held.credited)
    wanted = refundable if amount == "all" else amount
    if not 0 < wanted <= refundable:
        raise ShippingRefundTooHigh(amount=wanted, refundable=refundable)
    await credit(held, actor, wanted)
    await _credit(held, charged, wanted)
    await start_due_refunds(held, reason=reason, to=to)
    await save_states(held)
    await enter(
        held,
        "refund_requested",
        actor,
        note=reason,
        credited=held.credited,
        shipping=wanted,
        consignment_id=consignment_id,
    )


async def _charged(held: Held, consignment_id: UUID | None) -> Sequence[_Charged]:
    rows = await held.tx.rows(_CHARGED, {"order_id": held.id, "consignment_id": consignment_id})
    if rows:
        return [_Charged(row["id"], row["left"]) for row in rows]
    if consignment_id is not None:
        raise ConsignmentNotFound
    rows = await held.tx.rows(_CHARGED_IN_ALL, {"order_id": held.id})
    return [_Charged(None, row["left"]) for row in rows]


async def _credit(held: Held, charged: Sequence[_Charged], amount: int) -> None:
    """The consignments in their order, each until nothing of it is left."""
    left, parts = amount, dict[UUID, int]()
    for part in charged:
        taken = min(left, part.left)
        left -= taken
        if part.id is not None and taken:
            parts[part.id] = taken
    await held.tx.rows(
        _CREDIT,
        {
            "order_id": held.id,
            "amount": amount,
            "consignment_ids": list(parts),
            "amounts": list(parts.values()),
        },
    )
