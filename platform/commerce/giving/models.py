"""What staff have given away."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped

from foundation.database import Base
from foundation.tables import Minor, Str, TenantOwned, Timestamp, belongs_to


class Giving(TenantOwned, Base):
    """Value that somebody of the staff has given away: credited of an order, sent at no charge, or issued.

    Written with what gives it and never changed: a refund that fails is owed still.
    """

    __tablename__ = "giving"
    __table_args__ = (
        belongs_to("orders", "order_id"),
        CheckConstraint("amount > 0", name="amount"),
        Index("ix_giving_giver", "tenant_id", "giver", "at"),
        Index("ix_giving_order", "tenant_id", "order_id", postgresql_where=text("order_id IS NOT NULL")),
    )

    giver: Mapped[Str]
    """The principal whose limit it counts against."""
    order_id: Mapped[UUID | None]
    amount: Mapped[Minor]
    currency: Mapped[Str]
    at: Mapped[Timestamp]
