"""Gift cards that were sold as goods."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from foundation.database import Base
from foundation.tables import Created, TenantOwned, Timestamp, belongs_to


class SoldGiftCard(TenantOwned, Base):
    """The card that one unit of an order's line became when it was sent."""

    __tablename__ = "sold_gift_card"
    __table_args__ = (
        belongs_to("orders", "order_id"),
        belongs_to("order_line", "order_line_id"),
        belongs_to("stored_value", "value_id"),
        Index("ix_sold_gift_card_order", "tenant_id", "order_id"),
        Index("ix_sold_gift_card_line", "tenant_id", "order_line_id"),
        Index("uq_sold_gift_card_value", "tenant_id", "value_id", unique=True),
    )

    order_id: Mapped[UUID]
    order_line_id: Mapped[UUID]
    value_id: Mapped[UUID]
    delivered_at: Mapped[Created]
    shown_at: Mapped[Timestamp | None]
    """When its buyer saw the code, which is shown once."""
