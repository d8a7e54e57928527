"""What is kept of a shop as a customer: one row, written whole from what the provider says.

A notification only says that something has changed. What is true is read anew and written over what stood here, unless
that was read later; so notifications may come in any order, and as often as they like.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from commerce.billing import letters
from commerce.billing.stripe import Invoiced, Status, Subscribed
from commerce.lifecycle import service as lifecycle
from commerce.notifications.service import Recipient, send
from commerce.plans import service as plans
from commerce.plans.catalogue import STARTER
from foundation import clock, sealing
from foundation.database import Tx, hot
from foundation.ids import new_id
from foundation.money import Money


@dataclass(frozen=True, slots=True)
class Account:
    """A shop as a customer."""

    customer: str
    subscription: str | None
    plan: str | None
    status: Status
    email: str
    """Sealed."""
    period_end: datetime | None
    ends_at: datetime | None
    past_due_since: datetime | None
    reminders: int


# uq_billing_account
_FIND = hot(
    text(
        """
        SELECT customer, subscription, plan, status, email, period_end, ends_at, past_due_since, reminders
        FROM billing_account WHERE tenant_id = :tenant_id
        """
    )
)


async def find(tx: Tx) -> Account | None:
    """The shop as a customer, if it is one."""
    row = await tx.one(_FIND)
    return None if row is None else Account(**row)


# uq_billing_account
_OPEN = hot(
    text(
        """
        INSERT INTO billing_account (tenant_id, id, customer, email)
        VALUES (:tenant_id, :id, :customer, :email)
        ON CONFLICT (tenant_id) DO UPDATE SET email = excluded.email
        """
    )
)


async def open_account(tx: Tx, customer: str, email: str) -> None:
    """The shop is a customer; its bills go to this address."""
    (sealed,) = await sealing.seal(tx, tx.tenant_id, [email])
    await tx.rows(_OPEN, {"id": new_id(), "customer": customer, "email": sealed})


# uq_billing_account. Nothing comes back when what stands there was read later.
_WRITE = hot(
    text(
        """
        UPDATE billing_account a
        SET subscription = :subscription, plan = :plan, status = :status, synced_at = CAST(:read_at AS timestamptz),
            period_end = CAST(:period_end AS timestamptz), ends_at = CAST(:ends_at AS timestamptz),
            past_due_since = CASE WHEN CAST(:status AS text) = 'past_due'
                             THEN coalesce(a.past_due_since, CAST(:now AS timestamptz)) END,
            reminders = CASE WHEN CAST(:status AS text) = 'past_due' THEN a.reminders ELSE 0 END
        WHERE a.tenant_id = :tenant_id AND (a.synced_at IS NULL OR a.synced_at < CAST(:read_at AS timestamptz))
        RETURNING a.email
        """
    )
)

# uq_billing_invoice_reference
_INVOICE = hot(
    text(
        """
        INSERT INTO billing_invoice AS i
            (tenant_id, id, reference, number, status, currency, total, issued_at, pdf_url, page_url)
        VALUES (:tenant_id, :id, :reference, :number, :status, :currency, :total, CAST(:issued_at AS timestamptz),
                :pdf_url, :page_url)
        ON CONFLICT (tenant_id, reference) DO UPDATE
            SET status = excluded.status, number = excluded.number, total = excluded.total,
                pdf_url = excluded.pdf_url, page_url = excluded.page_url
        """
    )
)


async def write(tx: Tx, subscribed: Subscribed | None, invoices: Sequence[Invoiced], *, read_at: datetime) -> bool:
    """Write down what was read at a moment, and what follows for the shop: its plan, and that it is open when it is
    paid for. `False`: something was read later already.
    """
    status: Status = subscribed.status if subscribed else "none"
    row = await tx.one(
        _WRITE,
        {
            "subscription": subscribed.reference if subscribed else None,
            "plan": subscribed.plan if subscribed else None,
            "status": status,
            "period_end": subscribed.period_end if subscribed else None,
            "ends_at": subscribed.ends_at if subscribed else None,
            "read_at": read_at,
            "now": clock.now(),
        },
    )
    if row is None:
        return False
    for invoice in invoices:
        await tx.rows(_INVOICE, _values(invoice))
    if subscribed is not None:
        await _follow(tx, subscribed, row["email"])
    return True


async def _follow(tx: Tx, subscribed: Subscribed, email: str) -> None:
    if subscribed.status == "cancelled":
        await plans.put(tx, STARTER.code)
        return
    await plans.put(tx, subscribed.plan)
    if subscribed.status == "active" and await _closed_unpaid(tx):
        await lifecycle.reactivate(tx, reason="Everything is paid.", by=lifecycle.BILLING)
        await send(tx, letters.REOPENED, await recipient(tx, email), {})


async def _closed_unpaid(tx: Tx) -> bool:
    """Whether the shop is closed for want of payment, and for nothing else."""
    standing = await lifecycle.standing(tx)
    closed_by = next((change.changed_by for change in standing.history if change.status == "suspended"), None)
    return standing.status == "suspended" and closed_by == lifecycle.BILLING


async def recipient(tx: Tx, sealed: str) -> Recipient:
    """Whoever is told about bills."""
    (address,) = await sealing.unseal(tx, [sealed])
    return Recipient(tx.tenant_id, "email", address or "", "en-US")


def _values(invoice: Invoiced) -> dict[str, object]:
    return {
        "id": new_id(),
        "reference": invoice.reference,
        "number": invoice.number,
        "status": invoice.status,
        "currency": invoice.total.currency,
        "total": invoice.total.amount,
        "issued_at": invoice.issued_at,
        "pdf_url": invoice.pdf_url,
        "page_url": invoice.page_url,
    }


# ix_billing_invoice_issued
_INVOICES = hot(
    text(
        """
        SELECT id, reference, number, status, currency, total, issued_at, pdf_url, page_url FROM billing_invoice
        WHERE tenant_id = :tenant_id ORDER BY issued_at DESC, id DESC LIMIT 100
        """
    )
)


async def invoices(tx: Tx) -> Sequence[Invoiced]:
    """The shop's invoices, the latest first, a hundred at most."""
    return [
        Invoiced(
            row["reference"],
            row["number"],
            row["status"],
            Money(row["total"], row["currency"]),
            row["issued_at"],
            row["pdf_url"],
            row["page_url"],
        )
        for row in await tx.rows(_INVOICES)
    ]


# uq_billing_event_reference
_KEEP = hot(
    text(
        """
        INSERT INTO billing_event (tenant_id, id, reference, kind, received_at)
        VALUES (:tenant_id, :id, :reference, :kind, CAST(:now AS timestamptz))
        ON CONFLICT (tenant_id, reference) DO NOTHING
        """
    )
)


async def keep(tx: Tx, reference: str, kind: str) -> None:
    """Keep a notification; one that came before is kept once."""
    await tx.rows(_KEEP, {"id": new_id(), "reference": reference, "kind": kind, "now": clock.now()})


# ix_billing_event_open
_WAITING = hot(text("SELECT id FROM billing_event WHERE tenant_id = :tenant_id AND handled_at IS NULL"))
_HANDLED = hot(
    text(
        """
        UPDATE billing_event SET handled_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = ANY(CAST(:ids AS uuid[])) AND handled_at IS NULL
        """
    )
)


async def waiting(tx: Tx) -> Sequence[UUID]:
    """Notifications that nobody has handled."""
    return [row["id"] for row in await tx.rows(_WAITING)]


async def handled(tx: Tx, ids: Sequence[UUID]) -> None:
    """They are."""
    await tx.rows(_HANDLED, {"ids": list(ids), "now": clock.now()})
