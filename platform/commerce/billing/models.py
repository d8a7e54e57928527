"""A shop as a customer of the platform: its subscription, its invoices, and the notifications they came by."""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, Date, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Minor, Str, TenantOwned, Timestamp, Units


class BillingAccount(TenantOwned, Base):
    """What the payment provider knows of a shop, as it was read last."""

    __tablename__ = "billing_account"
    __table_args__ = (
        Index("uq_billing_account", "tenant_id", unique=True),
        CheckConstraint("status IN ('none', 'active', 'past_due', 'cancelled')", name="status"),
    )

    customer: Mapped[Str]
    subscription: Mapped[Str | None]
    plan: Mapped[Str | None]
    status: Mapped[Str] = mapped_column(server_default="none")
    email: Mapped[Str]
    """Where invoices and reminders go; sealed by the tenant's own key."""
    period_end: Mapped[Timestamp | None]
    ends_at: Mapped[Timestamp | None]
    """When it ends, if it was cancelled."""
    past_due_since: Mapped[Timestamp | None]
    reminders: Mapped[Units] = mapped_column(server_default="0")
    """Steps of dunning that were taken since."""
    synced_at: Mapped[Timestamp | None]
    """When what stands here was read."""
    created_at: Mapped[Created]


class BillingInvoice(TenantOwned, Base):
    """An invoice of the platform to a shop. Amounts in minor units."""

    __tablename__ = "billing_invoice"
    __table_args__ = (
        Index("uq_billing_invoice_reference", "tenant_id", "reference", unique=True),
        Index("ix_billing_invoice_issued", "tenant_id", "issued_at", "id"),
        CheckConstraint("status IN ('open', 'paid', 'void', 'uncollectible')", name="status"),
    )

    reference: Mapped[Str]
    """The provider's id."""
    number: Mapped[Str]
    status: Mapped[Str]
    currency: Mapped[Str]
    total: Mapped[Minor]
    issued_at: Mapped[Timestamp]
    pdf_url: Mapped[Str | None]
    page_url: Mapped[Str | None]


class BillingEvent(TenantOwned, Base):
    """A notification of the provider, kept before it is handled."""

    __tablename__ = "billing_event"
    __table_args__ = (
        Index("uq_billing_event_reference", "tenant_id", "reference", unique=True),
        Index("ix_billing_event_open", "tenant_id", "received_at", postgresql_where=text("handled_at IS NULL")),
    )

    reference: Mapped[Str]
    kind: Mapped[Str]
    received_at: Mapped[Created]
    handled_at: Mapped[Timestamp | None]


class BilledUsage(TenantOwned, Base):
    """What was used beyond the plan in a month, and the item of an invoice that it became."""

    __tablename__ = "billed_usage"
    __table_args__ = (
        Index("uq_billed_usage_month", "tenant_id", "metric", "month", unique=True),
        CheckConstraint("quantity >= 0", name="quantity"),
    )

    metric: Mapped[Str]
    month: Mapped[date] = mapped_column(Date)
    quantity: Mapped[Units]
    amount: Mapped[Minor]
    currency: Mapped[Str]
    item: Mapped[Str | None]
    """The provider's id; none while it isn't known to be there."""
    created_at: Mapped[Created]
