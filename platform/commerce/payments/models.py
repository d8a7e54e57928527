"""Payments and refunds."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Minor, Str, TenantOwned, belongs_to


class Payment(TenantOwned, Base):
    """An attempt to pay for a cart. Its id is the idempotency key at the provider."""

    __tablename__ = "payment"
    __table_args__ = (
        belongs_to("cart", "cart_id"),
        CheckConstraint(
            "status IN ('started', 'authorised', 'capturing', 'captured', 'voiding', 'voided', 'refused', 'cancelled')",
            name="status",
        ),
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint("refunded BETWEEN 0 AND amount AND (refunded = 0 OR status = 'captured')", name="refunded"),
        Index("ix_payment_cart", "tenant_id", "cart_id"),
        Index("ix_payment_order", "tenant_id", "order_id"),
        Index(
            "ix_payment_unfinished",
            "tenant_id",
            "updated_at",
            postgresql_where=text("status IN ('started', 'authorised', 'capturing', 'voiding')"),
        ),
    )

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
