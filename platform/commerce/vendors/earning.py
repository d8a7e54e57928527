"""What vendors earn of an order, posted as it changes: with its capture, and with each unit that is credited.

What a vendor order has earned is derived from what the shopper keeps of its lines. Whoever calls holds the order's row;
what the books say already is on the vendor order's row, and only the difference is posted, so a call that is repeated
posts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from uuid import UUID

from sqlalchemy import text

from commerce.ledger import service as ledger
from commerce.vendors.commission import Terms, split
from foundation import clock
from foundation.database import Tx, hot
from foundation.events import VendorEarned, record
from foundation.ids import new_id
from foundation.outbox import announce

SALES = "vendor_sales"
COMMISSION = "commission"

# A vendor whose first line came with a change to the order gets the terms that hold then.
_OPEN = hot(
    text(
        """
        INSERT INTO vendor_order (tenant_id, id, order_id, vendor_id, number, commission_rate, commission_fee,
                                  placed_at)
        SELECT :tenant_id, n.id, :order_id, v.id, o.number || '-' || v.code, v.commission_rate, v.commission_fee,
               CAST(:at AS timestamptz)
        FROM unnest(CAST(:ids AS uuid[]), CAST(:vendor_ids AS uuid[])) AS n (id, vendor_id)
        JOIN vendor v ON v.tenant_id = :tenant_id AND v.id = n.vendor_id
        JOIN orders o ON o.tenant_id = :tenant_id AND o.id = :order_id
        ON CONFLICT (tenant_id, order_id, vendor_id) DO NOTHING
        """
    )
)

# uq_vendor_order_order
_OF_ORDER = hot(
    text(
        """
        SELECT v.id, v.vendor_id, v.commission_rate, v.commission_fee, v.earned, v.commission, o.currency
        FROM vendor_order v JOIN orders o ON o.tenant_id = v.tenant_id AND o.id = v.order_id
        WHERE v.tenant_id = :tenant_id AND v.order_id = :order_id ORDER BY v.vendor_id FOR UPDATE OF v
        """
    )
)

_EARNED = hot(
    text(
        """
        UPDATE vendor_order SET earned = :earned, commission = :commission
        WHERE tenant_id = :tenant_id AND id = :id
        """
    )
)


def account(vendor_id: UUID) -> str:
    """The account of what the shop owes a vendor."""
    return f"vendor:{vendor_id}"


async def accrue(tx: Tx, order_id: UUID, kept: Mapping[UUID, int]) -> None:
    """Bring the books to what each vendor of a captured order earns, given what the shopper keeps of its lines, in
    minor units by vendor.
    """
    if not kept:
        return
    await tx.rows(
        _OPEN,
        {"order_id": order_id, "ids": [new_id() for _ in kept], "vendor_ids": list(kept), "at": clock.now()},
    )
    for row in await tx.rows(_OF_ORDER, {"order_id": order_id}):
        terms = Terms(Fraction(row["commission_rate"]), row["commission_fee"])
        due = split(kept.get(row["vendor_id"], 0), terms)
        more, more_commission = due.earned - row["earned"], due.commission - row["commission"]
        if not more and not more_commission:
            continue
        await tx.rows(_EARNED, {"id": row["id"], "earned": due.earned, "commission": due.commission})
        amounts = {SALES: more + more_commission, account(row["vendor_id"]): -more, COMMISSION: -more_commission}
        await ledger.post(tx, currency=row["currency"], reference_id=order_id, amounts=amounts)
        said = VendorEarned(
            vendor_id=row["vendor_id"],
            order_id=order_id,
            earned=more,
            commission=more_commission,
            currency=row["currency"],
        )
        await announce(tx, [record(said, tenant_id=tx.tenant_id, aggregate_id=row["vendor_id"])])
