"""Claims: units that came wrong or not at all, why, how that was made good, and photos of it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Minor, Str, TenantOwned, Units, belongs_to


class OrderClaim(TenantOwned, Base):
    """Something of an order is not as it should be."""

    __tablename__ = "order_claim"
    __table_args__ = (
        belongs_to("orders", "order_id"),
        belongs_to("order_change", "change_id"),
        CheckConstraint("status IN ('open', 'refunded', 'replaced', 'rejected')", name="status"),
        CheckConstraint("refunded >= 0 AND (refunded = 0 OR status = 'refunded')", name="refunded"),
        CheckConstraint("(change_id IS NOT NULL) = (status = 'replaced')", name="replaced"),
        Index("ix_order_claim_order", "tenant_id", "order_id"),
    )

    order_id: Mapped[UUID]
    status: Mapped[Str] = mapped_column(server_default="open")
    note: Mapped[Str] = mapped_column(server_default="")
    """What whoever raised it said."""
    answer: Mapped[Str] = mapped_column(server_default="")
    """What staff said when they decided."""
    refunded: Mapped[Minor] = mapped_column(server_default="0")
    """What was credited for it, in minor units."""
    change_id: Mapped[UUID | None]
    """What put in the units that replace those."""
    created_at: Mapped[Created]
    updated_at: Mapped[Created]


class OrderClaimLine(TenantOwned, Base):
    """Units of a line with which something is wrong, and what; never changed."""

    __tablename__ = "order_claim_line"
    __table_args__ = (
        belongs_to("order_claim", "claim_id"),
        belongs_to("order_line", "order_line_id"),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("reason IN ('damaged', 'wrong_item', 'missing', 'not_delivered')", name="reason"),
        Index("uq_order_claim_line", "tenant_id", "claim_id", "order_line_id", unique=True),
    )

    claim_id: Mapped[UUID]
    order_line_id: Mapped[UUID]
    quantity: Mapped[Units]
    reason: Mapped[Str]


class ClaimPhoto(TenantOwned, Base):
    """A photo of what is wrong; the picture is in the object store, by this id."""

    __tablename__ = "claim_photo"
    __table_args__ = (
        belongs_to("order_claim", "claim_id"),
        Index("ix_claim_photo_claim", "tenant_id", "claim_id"),
    )

    claim_id: Mapped[UUID]
    width: Mapped[Units]
    height: Mapped[Units]
    bytes: Mapped[Units]
    created_at: Mapped[Created]
