"""Finding the customer to help: by all of an address or of an order's number, never by a part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text

from commerce.acting.schemas import CustomerOut, CustomerSearch, LatestOrder
from foundation import sealing
from foundation.database import Tx, hot
from foundation.errors import NotFound
from foundation.types import MoneyOut

MOST = 10


class CustomerNotFound(NotFound):
    """The shop has no such customer, or not any more."""

    code = "acting.customer_not_found"


# uq_account_email_digest, uq_customer_email_digest, ix_orders_email_digest
_BY_EMAIL = """
    SELECT a.customer_id FROM account a WHERE a.tenant_id = :tenant_id AND a.email_digest = :digest
    UNION SELECT c.id FROM customer c WHERE c.tenant_id = :tenant_id AND c.email_digest = :digest
    UNION SELECT o.customer_id FROM orders o WHERE o.tenant_id = :tenant_id AND o.email_digest = :digest
"""
# uq_orders_number
_BY_NUMBER = "SELECT o.customer_id FROM orders o WHERE o.tenant_id = :tenant_id AND o.number = :number"
# ix_orders_customer
_SUMMARY = """
    SELECT c.id, c.display_name, a.id IS NOT NULL AS has_account, a.email,
           (SELECT count(*) FROM orders o WHERE o.tenant_id = c.tenant_id AND o.customer_id = c.id) AS orders,
           l.id AS order_id, l.number, l.placed_at, l.total, l.currency, l.status
    FROM customer c
    LEFT JOIN account a ON a.tenant_id = c.tenant_id AND a.customer_id = c.id AND a.status = 'active'
    LEFT JOIN LATERAL (
        SELECT o.id, o.number, o.placed_at, o.total, o.currency, o.status FROM orders o
        WHERE o.tenant_id = c.tenant_id AND o.customer_id = c.id ORDER BY o.placed_at DESC, o.id DESC LIMIT 1) l ON true
    WHERE c.tenant_id = :tenant_id AND c.erased_at IS NULL
"""


def _who(which: str) -> Any:
    return hot(text(f"{_SUMMARY} AND c.id IN ({which}) ORDER BY c.id LIMIT {MOST}"))


_FOUND_BY_EMAIL, _FOUND_BY_NUMBER, _ONE = _who(_BY_EMAIL), _who(_BY_NUMBER), _who("CAST(:id AS uuid)")


async def find(tx: Tx, asked: CustomerSearch) -> list[CustomerOut]:
    """Those who have the address, or whose order it is; a guest's order is nobody's."""
    if asked.email is not None:
        rows = await tx.rows(_FOUND_BY_EMAIL, {"digest": sealing.digest(tx.tenant_id, "email", asked.email.strip())})
    else:
        rows = await tx.rows(_FOUND_BY_NUMBER, {"number": asked.order_number})
    return await _out(tx, rows)


async def one(tx: Tx, customer_id: UUID) -> CustomerOut:
    """A customer.

    Raises:
        CustomerNotFound.
    """
    found = await _out(tx, await tx.rows(_ONE, {"id": customer_id}))
    if not found:
        raise CustomerNotFound
    return found[0]


async def _out(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> list[CustomerOut]:
    emails = await sealing.unseal(tx, [row["email"] for row in rows])
    return [
        CustomerOut(
            id=row["id"],
            display_name=row["display_name"] or "",
            email=hidden(email) if email else None,
            has_account=row["has_account"],
            orders=row["orders"],
            latest_order=_latest(row),
        )
        for row, email in zip(rows, emails, strict=True)
    ]


def _latest(row: Mapping[str, Any]) -> LatestOrder | None:
    if row["order_id"] is None:
        return None
    return LatestOrder(
        id=row["order_id"],
        number=row["number"],
        placed_at=row["placed_at"],
        total=MoneyOut(amount=row["total"], currency=row["currency"]),
        status=row["status"],
    )


def hidden(email: str) -> str:
    """An address of which enough is left to compare it: `a•••@home.example`."""
    name, _, host = email.partition("@")
    return f"{name[:1]}•••@{host}"
