"""Attempts to pay, payments and refunds."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Minor, Str, TenantOwned, Timestamp, Units, belongs_to


class Attempt(TenantOwned, Base):
    """Somebody pays for a cart, with one payment or several. It holds the stock until it is over."""

    __tablename__ = "payment_attempt"
    __table_args__ = (
        belongs_to("cart", "cart_id"),
        belongs_to("orders", "order_id"),
        Index("ix_payment_attempt_cart", "tenant_id", "cart_id"),
    )

    cart_id: Mapped[UUID]
    session_id: Mapped[UUID]
    visitor_id: Mapped[UUID]
    customer_id: Mapped[UUID | None]
    consent: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    email: Mapped[Str | None]
    checked: Mapped[Str]
    """The cart as it was checked: what is placed when all is authorised. Sealed."""
    checked_digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    order_id: Mapped[UUID | None]
    """The order that stands already, whose payment could not be captured, and is paid for again."""
    created_at: Mapped[Created]


class Payment(TenantOwned, Base):
    """What one provider is asked for in an attempt. Its id is the idempotency key there."""

    __tablename__ = "payment"
    __table_args__ = (
        belongs_to("cart", "cart_id"),
        belongs_to("payment_attempt", "attempt_id"),
        CheckConstraint(
            "status IN ('started', 'action_required', 'authorised', 'due', 'capturing', 'captured', "
            "'capture_failed', 'replaced', 'voiding', 'voided', 'refused', 'cancelled')",
            name="status",
        ),
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint(
            "spared >= 0 AND refunded >= 0 AND disputed >= 0 AND spared + refunded + disputed <= amount "
            "AND (refunded + disputed + fee = 0 OR status = 'captured')",
            name="refunded",
        ),
        CheckConstraint("fee BETWEEN 0 AND amount", name="fee"),
        CheckConstraint(
            "status NOT IN ('due', 'capturing', 'captured', 'capture_failed') OR order_id IS NOT NULL", name="order"
        ),
        CheckConstraint("(status = 'action_required') = (action_url IS NOT NULL)", name="action"),
        Index("ix_payment_cart", "tenant_id", "cart_id"),
        Index("ix_payment_order", "tenant_id", "order_id"),
        Index(
            "ix_payment_reference",
            "tenant_id",
            "provider_reference",
            postgresql_where=text("provider_reference IS NOT NULL"),
        ),
        Index(
            "ix_payment_unfinished",
            "tenant_id",
            "updated_at",
            postgresql_where=text("status IN ('started', 'action_required', 'authorised', 'capturing', 'voiding')"),
        ),
    )

    attempt_id: Mapped[UUID]
    cart_id: Mapped[UUID]
    order_id: Mapped[UUID | None]
    provider: Mapped[Str]
    provider_reference: Mapped[Str | None]
    status: Mapped[Str] = mapped_column(server_default="started")
    amount: Mapped[Minor]
    refunded: Mapped[Minor] = mapped_column(server_default="0")
    """What refunds that have started or succeeded give back of it."""
    disputed: Mapped[Minor] = mapped_column(server_default="0")
    """What cardholders have taken back of it, or try to: it can't be given back too."""
    spared: Mapped[Minor] = mapped_column(server_default="0")
    """What of it need not come any more, of a payment whose goods go before the money."""
    fee: Mapped[Minor] = mapped_column(server_default="0")
    """What the provider kept of it when it was captured."""
    due_on: Mapped[date | None] = mapped_column(Date)
    """When it has to come at the latest, of a payment on account."""
    currency: Mapped[Str]
    refusal: Mapped[Str | None]
    action_url: Mapped[Str | None]
    """Where the shopper has something to do before it is authorised."""
    created_at: Mapped[Created]
    updated_at: Mapped[Created]


class Refund(TenantOwned, Base):
    """Money on its way back to where a payment came from. Its id is the idempotency key at the provider."""

    __tablename__ = "refund"
    __table_args__ = (
        belongs_to("payment", "payment_id"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("status IN ('started', 'succeeded', 'failed')", name="status"),
        Index("ix_refund_order", "tenant_id", "order_id"),
        Index("ix_refund_unfinished", "tenant_id", "updated_at", postgresql_where=text("status = 'started'")),
    )

    payment_id: Mapped[UUID]
    order_id: Mapped[UUID]
    amount: Mapped[Minor]
    currency: Mapped[Str]
    status: Mapped[Str] = mapped_column(server_default="started")
    reason: Mapped[Str]
    provider: Mapped[Str | None]
    """Who gives it back, when that is not who took it: store credit in place of the original payment."""
    provider_reference: Mapped[Str | None]
    failure: Mapped[Str | None]
    created_at: Mapped[Created]
    updated_at: Mapped[Created]


class ReceivedEvent(TenantOwned, Base):
    """What a provider told the shop, kept before it is handled; nothing of it but what handling takes."""

    __tablename__ = "provider_event"
    __table_args__ = (
        CheckConstraint("status IN ('received', 'handled', 'failed')", name="status"),
        CheckConstraint("amount >= 0 AND fee >= 0 AND tries >= 0", name="amounts"),
        Index("uq_provider_event", "tenant_id", "provider", "event_id", unique=True),
        Index("ix_provider_event_due", "tenant_id", "next_at", postgresql_where=text("status = 'received'")),
        Index("ix_provider_event_status", "tenant_id", "status", "id"),
    )

    provider: Mapped[Str]
    event_id: Mapped[Str]
    """The provider's own id of it."""
    kind: Mapped[Str]
    occurred_at: Mapped[Timestamp]
    payment_id: Mapped[UUID | None]
    """As the provider says it: there may be no such payment here."""
    reference: Mapped[Str | None]
    refund_id: Mapped[UUID | None]
    amount: Mapped[Minor]
    fee: Mapped[Minor] = mapped_column(server_default="0")
    currency: Mapped[Str]
    dispute_reference: Mapped[Str | None]
    reason: Mapped[Str]
    status: Mapped[Str] = mapped_column(server_default="received")
    tries: Mapped[Units] = mapped_column(server_default="0")
    next_at: Mapped[Timestamp]
    problem: Mapped[Str | None]
    received_at: Mapped[Timestamp]
    handled_at: Mapped[Timestamp | None]


class Dispute(TenantOwned, Base):
    """A payment that a cardholder takes back through the bank."""

    __tablename__ = "dispute"
    __table_args__ = (
        belongs_to("payment", "payment_id"),
        belongs_to("orders", "order_id"),
        CheckConstraint("status IN ('opened', 'won', 'lost')", name="status"),
        CheckConstraint("amount > 0 AND fee >= 0 AND kept BETWEEN 0 AND amount", name="amounts"),
        Index("uq_dispute_reference", "tenant_id", "provider", "reference", unique=True),
        Index("ix_dispute_status", "tenant_id", "status", "id"),
        Index("ix_dispute_order", "tenant_id", "order_id"),
    )

    payment_id: Mapped[UUID]
    order_id: Mapped[UUID]
    provider: Mapped[Str]
    reference: Mapped[Str]
    """The provider's name for it."""
    status: Mapped[Str] = mapped_column(server_default="opened")
    amount: Mapped[Minor]
    kept: Mapped[Minor]
    """What of it the payment had left, and can't be refunded since."""
    currency: Mapped[Str]
    fee: Mapped[Minor]
    reason: Mapped[Str]
    evidence: Mapped[Str | None]
    opened_at: Mapped[Timestamp]
    contested_at: Mapped[Timestamp | None]
    closed_at: Mapped[Timestamp | None]


class PaymentTerms(TenantOwned, Base):
    """Who may pay after the goods: by cash on delivery or on account, and how long they have."""

    __tablename__ = "payment_terms"
    __table_args__ = (
        belongs_to("customer", "customer_id"),
        CheckConstraint("provider IN ('cod', 'invoice')", name="provider"),
        CheckConstraint("days BETWEEN 0 AND 365", name="days"),
        Index(
            "uq_payment_terms", "tenant_id", "provider", "customer_id", unique=True, postgresql_nulls_not_distinct=True
        ),
    )

    provider: Mapped[Str]
    customer_id: Mapped[UUID | None]
    """Nobody in particular is everybody."""
    days: Mapped[Units]
