"""List prices."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped

from foundation.database import Base
from foundation.tables import Created, Minor, Str, TenantOwned, belongs_to


class Price(TenantOwned, Base):
    """What one unit of a variant costs in a currency."""

    __tablename__ = "price"
    __table_args__ = (
        belongs_to("variant", "variant_id"),
        CheckConstraint("amount >= 0", name="amount"),
        Index("uq_price_variant", "tenant_id", "variant_id", "currency", unique=True),
    )

    variant_id: Mapped[UUID]
    currency: Mapped[Str]
    amount: Mapped[Minor]
    compare_at: Mapped[Minor | None]
    """What it cost before, when it is on sale."""
    updated_at: Mapped[Created]
