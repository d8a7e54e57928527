"""What stands for the instruments that customers keep."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Str, TenantOwned, belongs_to


class PaymentMethod(TenantOwned, Base):
    """A provider's token for an instrument of a customer."""

    __tablename__ = "payment_method"
    __table_args__ = (
        belongs_to("customer", "customer_id"),
        # A card's number never gets here; this would not let it stay.
        CheckConstraint("token !~ '^[0-9 -]*$' AND label !~ '[0-9]{12}'", name="no_card_number"),
        Index("uq_payment_method_token", "tenant_id", "customer_id", "provider", "token", unique=True),
        Index(
            "uq_payment_method_default",
            "tenant_id",
            "customer_id",
            unique=True,
            postgresql_where=text("is_default"),
        ),
    )

    customer_id: Mapped[UUID]
    provider: Mapped[Str]
    token: Mapped[Str]
    label: Mapped[Str]
    """What its owner knows it by, such as `Visa •••• 4242`."""
    expires: Mapped[date | None]
    is_default: Mapped[bool] = mapped_column(Boolean, server_default="false")
    created_at: Mapped[Created]


class MethodSetup(TenantOwned, Base):
    """An instrument that is kept once its owner has done what its bank asks."""

    __tablename__ = "payment_method_setup"
    __table_args__ = (
        belongs_to("customer", "customer_id"),
        CheckConstraint("status IN ('waiting', 'kept', 'refused')", name="status"),
        CheckConstraint("(status = 'refused') = (refusal IS NOT NULL)", name="refusal"),
        Index("ix_payment_method_setup_customer", "tenant_id", "customer_id", "id"),
    )

    customer_id: Mapped[UUID]
    provider: Mapped[Str]
    reference: Mapped[Str]
    """The provider's name for it."""
    is_default: Mapped[bool] = mapped_column(Boolean)
    status: Mapped[Str] = mapped_column(server_default="waiting")
    refusal: Mapped[Str | None]
    method_id: Mapped[UUID | None]
    """What it became; its owner may have had it forgotten since."""
    created_at: Mapped[Created]
