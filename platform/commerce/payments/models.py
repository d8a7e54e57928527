"""Attempts to pay, payments and refunds."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Minor, Str, TenantOwned, belongs_to


class Attempt(TenantOwned, Base):
    """Somebody pays for a cart, with one payment or several. It holds the stock until it is over."""

    __tablename__ = "payment_attempt"
    __table_args__ = (belongs_to("cart", "cart_id"),)

    cart_id: Mapped[UUID]
    session_id: Mapped[UUID]
    visitor_id: Mapped[UUID]
    customer_id: Mapped[UUID | None]
    consent: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    email: Mapped[Str | None]
    checked: Mapped[Str]
    """The cart as it was checked: what is placed when all is authorised."""
    created_at: Mapped[Created]


class Payment(TenantOwned, Base):
    """What one provider is asked for in an attempt. Its id is the idempotency key there."""

    __tablename__ = "payment"
    __table_args__ = (
        belongs_to("cart", "cart_id"),
        belongs_to("payment_attempt", "attempt_id"),
        CheckConstraint(
            "status IN ('started', 'action_required', 'authorised', 'due', 'capturing', 'captured', 'voiding', "
            "'voided', 'refused', 'cancelled')",
            name="status",
        ),
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint("refunded BETWEEN 0 AND amount AND (refunded = 0 OR status = 'captured')", name="refunded"),
        CheckConstraint("status NOT IN ('due', 'capturing', 'captured') OR order_id IS NOT NULL", name="order"),
        CheckConstraint("(status = 'action_required') = (action_url IS NOT NULL)", name="action"),
        Index("ix_payment_cart", "tenant_id", "cart_id"),
        Index("ix_payment_order", "tenant_id", "order_id"),
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
