"""Payouts: what a vendor earned of orders that were sent long enough ago, less what came back since the last one."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from commerce.ledger import service as ledger
from commerce.vendors import service
from commerce.vendors.earning import account
from commerce.vendors.schemas import PayoutOut, VendorBalance
from commerce.vendors.service import VendorNotFound
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Conflict
from foundation.events import VendorPaidOut, record
from foundation.ids import new_id
from foundation.outbox import announce

HOLD = timedelta(days=14)
"""In which units may come back before their money goes to the vendor."""


class NothingToPay(Conflict):
    """The vendor has nothing coming that may be paid out yet."""

    code = "vendors.nothing_to_pay"

    vendor: str


# Two payouts to one vendor go one after the other; orders that name the vendor are placed meanwhile.
_LOCK = hot(text("SELECT id FROM vendor WHERE tenant_id = :tenant_id AND id = :vendor_id FOR NO KEY UPDATE"))

# ix_vendor_order_vendor. An order whose units were all sent before the instant, or whose payout was too much.
_DUE = hot(
    text(
        """
        SELECT v.id, v.earned - v.paid_out AS amount, o.currency
        FROM vendor_order v JOIN orders o ON o.tenant_id = v.tenant_id AND o.id = v.order_id
        WHERE v.tenant_id = :tenant_id AND v.vendor_id = :vendor_id AND v.earned <> v.paid_out
          AND (v.paid_out > v.earned OR NOT EXISTS (
              SELECT FROM order_line l
              LEFT JOIN fulfilment_line u ON u.tenant_id = l.tenant_id AND u.order_line_id = l.id
              LEFT JOIN fulfilment f ON f.tenant_id = u.tenant_id AND f.id = u.fulfilment_id
              WHERE l.tenant_id = v.tenant_id AND l.order_id = v.order_id AND l.vendor_id = v.vendor_id
                AND (l.fulfilled + l.cancelled < l.quantity OR f.shipped_at >= CAST(:sent_before AS timestamptz))))
        ORDER BY v.id FOR UPDATE OF v
        """
    )
)

_PAY = hot(
    text(
        """
        WITH line AS (
            SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:vendor_order_ids AS uuid[]), CAST(:amounts AS bigint[]))
                     AS l (id, vendor_order_id, amount)),
        payout AS (
            INSERT INTO vendor_payout (tenant_id, id, vendor_id, amount, currency, orders, at)
            VALUES (:tenant_id, :id, :vendor_id, :amount, :currency, :orders, CAST(:at AS timestamptz))),
        paid AS (
            UPDATE vendor_order v SET paid_out = v.paid_out + line.amount FROM line
            WHERE v.tenant_id = :tenant_id AND v.id = line.vendor_order_id)
        INSERT INTO vendor_payout_line (tenant_id, id, payout_id, vendor_order_id, amount)
        SELECT :tenant_id, id, :id, vendor_order_id, amount FROM line
        """
    )
)

# ix_vendor_payout_vendor
_PAYOUTS = hot(
    text(
        """
        SELECT id, amount, currency, orders, at FROM vendor_payout
        WHERE tenant_id = :tenant_id AND vendor_id = :vendor_id ORDER BY id DESC LIMIT 100
        """
    )
)

_BALANCE = hot(
    text(
        """
        SELECT o.currency, sum(v.earned)::bigint AS earned, sum(v.commission)::bigint AS commission,
               sum(v.paid_out)::bigint AS paid_out, sum(v.earned - v.paid_out)::bigint AS owed
        FROM vendor_order v JOIN orders o ON o.tenant_id = v.tenant_id AND o.id = v.order_id
        WHERE v.tenant_id = :tenant_id AND v.vendor_id = :vendor_id GROUP BY o.currency ORDER BY o.currency
        """
    )
)


async def pay_out(tx: Tx, code: str, *, sent_before: datetime | None = None) -> None:
    """Pay a vendor what is due, in one payout for each currency in which it comes to more than nothing.

    Raises:
        VendorNotFound.
        NothingToPay: it does in none.
    """
    vendor = await service.by_code(tx, code)
    if await tx.one(_LOCK, {"vendor_id": vendor.id}) is None:
        raise VendorNotFound(vendor=code)
    rows = await tx.rows(_DUE, {"vendor_id": vendor.id, "sent_before": sent_before or clock.now() - HOLD})
    due: dict[str, dict[UUID, int]] = {}
    for row in rows:
        due.setdefault(row["currency"], {})[row["id"]] = row["amount"]
    payable = {currency: amounts for currency, amounts in due.items() if sum(amounts.values()) > 0}
    if not payable:
        raise NothingToPay(vendor=code)
    for currency, amounts in payable.items():
        await _pay(tx, vendor.id, currency, amounts)


async def _pay(tx: Tx, vendor_id: UUID, currency: str, amounts: dict[UUID, int]) -> None:
    payout_id, total = new_id(), sum(amounts.values())
    values = {
        "id": payout_id,
        "vendor_id": vendor_id,
        "amount": total,
        "currency": currency,
        "orders": len(amounts),
        "at": clock.now(),
        "ids": [new_id() for _ in amounts],
        "vendor_order_ids": list(amounts),
        "amounts": list(amounts.values()),
    }
    await tx.rows(_PAY, values)
    sides = {account(vendor_id): total, "bank": -total}
    await ledger.post(tx, currency=currency, reference_id=payout_id, amounts=sides)
    said = VendorPaidOut(payout_id=payout_id, vendor_id=vendor_id, amount=total, currency=currency, orders=len(amounts))
    await announce(tx, [record(said, tenant_id=tx.tenant_id, aggregate_id=vendor_id)])


async def payouts(tx: Tx, vendor_id: UUID) -> list[PayoutOut]:
    """A vendor's latest payouts, newest first."""
    return [PayoutOut.model_validate(dict(row)) for row in await tx.rows(_PAYOUTS, {"vendor_id": vendor_id})]


async def balances(tx: Tx, vendor_id: UUID) -> list[VendorBalance]:
    """What a vendor has earned and been paid, by currency."""
    return [VendorBalance.model_validate(dict(row)) for row in await tx.rows(_BALANCE, {"vendor_id": vendor_id})]
