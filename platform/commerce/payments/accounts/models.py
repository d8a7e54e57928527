"""A shop's accounts at providers."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Str, TenantOwned, Units


class PaymentAccount(TenantOwned, Base):
    """A provider that a shop offers, or offers no more."""

    __tablename__ = "payment_account"
    __table_args__ = (
        CheckConstraint("position >= 0", name="position"),
        Index("uq_payment_account_provider", "tenant_id", "provider", unique=True),
        # Across tenants: what is settled to an account is read by the one shop whose it is.
        Index(
            "uq_payment_account_account",
            "provider",
            "account",
            unique=True,
            postgresql_where=text("account IS NOT NULL"),
        ),
    )

    provider: Mapped[Str]
    enabled: Mapped[bool] = mapped_column(Boolean, server_default="true")
    account: Mapped[Str | None]
    """The provider's name for it; without one the money goes to the installation's own account."""
    position: Mapped[Units] = mapped_column(server_default="0")
    updated_at: Mapped[Created]
