"""Payments."""

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
        CheckConstraint("status IN ('started', 'authorised', 'captured', 'refused', 'cancelled')", name="status"),
        CheckConstraint("amount >= 0", name="amount"),
        Index("ix_payment_cart", "tenant_id", "cart_id"),
        Index("ix_payment_order", "tenant_id", "order_id"),
        Index(
            "ix_payment_unfinished",
            "tenant_id",
            "updated_at",
            postgresql_where=text("status IN ('started', 'authorised')"),
        ),
    )

    cart_id: Mapped[UUID]
    order_id: Mapped[UUID | None]
    provider: Mapped[Str]
    provider_reference: Mapped[Str | None]
    status: Mapped[Str] = mapped_column(server_default="started")
    amount: Mapped[Minor]
    currency: Mapped[Str]
    refusal: Mapped[Str | None]
    created_at: Mapped[Created]
    updated_at: Mapped[Created]
