"""Returns: what is to come back, how it was found, and its photos."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Str, TenantOwned, Units, belongs_to


class OrderReturn(TenantOwned, Base):
    """What a customer wants to send back, or has."""

    __tablename__ = "order_return"
    __table_args__ = (
        belongs_to("orders", "order_id"),
        CheckConstraint("status IN ('requested', 'approved', 'rejected', 'received')", name="status"),
        Index("ix_order_return_order", "tenant_id", "order_id"),
    )

    order_id: Mapped[UUID]
    status: Mapped[Str] = mapped_column(server_default="requested")
    note: Mapped[Str] = mapped_column(server_default="")
    created_at: Mapped[Created]
    updated_at: Mapped[Created]


class OrderReturnLine(TenantOwned, Base):
    """Units of a line that come back, and why."""

    __tablename__ = "order_return_line"
    __table_args__ = (
        belongs_to("order_return", "return_id"),
        belongs_to("order_line", "order_line_id"),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("received >= 0 AND restocked >= 0 AND restocked <= received", name="received"),
        CheckConstraint("received <= quantity", name="not_more_than_announced"),
        Index("ix_order_return_line_return", "tenant_id", "return_id"),
    )

    return_id: Mapped[UUID]
    order_line_id: Mapped[UUID]
    quantity: Mapped[Units]
    reason: Mapped[Str]
    received: Mapped[Units] = mapped_column(server_default="0")
    restocked: Mapped[Units] = mapped_column(server_default="0")


class ReturnPhoto(TenantOwned, Base):
    """A photo of what comes back; the picture is in the object store, by this id."""

    __tablename__ = "return_photo"
    __table_args__ = (
        belongs_to("order_return", "return_id"),
        Index("ix_return_photo_return", "tenant_id", "return_id"),
    )

    return_id: Mapped[UUID]
    width: Mapped[Units]
    height: Mapped[Units]
    bytes: Mapped[Units]
    created_at: Mapped[Created]


class ReturnInspection(TenantOwned, Base):
    """How some units that came back were found, and what became of them."""

    __tablename__ = "return_inspection"
    __table_args__ = (
        belongs_to("order_return", "return_id"),
        belongs_to("order_line", "order_line_id"),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint(
            "condition IN ('as_new', 'opened', 'used', 'damaged', 'defective', 'incomplete')", name="condition"
        ),
        Index("ix_return_inspection_return", "tenant_id", "return_id"),
    )

    return_id: Mapped[UUID]
    order_line_id: Mapped[UUID]
    quantity: Mapped[Units]
    condition: Mapped[Str]
    restocked: Mapped[bool]
    note: Mapped[Str] = mapped_column(server_default="")
