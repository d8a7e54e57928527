"""Changes to placed orders, and their actions."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Minor, Str, TenantOwned, Timestamp, Units, belongs_to


class OrderChange(TenantOwned, Base):
    """A change to a placed order, thought out first: what it would do is what it does once it is confirmed."""

    __tablename__ = "order_change"
    __table_args__ = (
        belongs_to("orders", "order_id"),
        belongs_to("order_return", "return_id"),
        CheckConstraint("kind IN ('edit', 'exchange', 'claim')", name="kind"),
        CheckConstraint("(kind = 'exchange') = (return_id IS NOT NULL)", name="return"),
        CheckConstraint("status IN ('draft', 'approved', 'awaiting_payment', 'confirmed', 'cancelled')", name="status"),
        CheckConstraint("asked >= 0", name="asked"),
        CheckConstraint("kept_back >= 0 AND (kept_back = 0 OR status = 'awaiting_payment')", name="kept_back"),
        Index("uq_order_change_return", "tenant_id", "return_id", unique=True),
        Index("ix_order_change_order", "tenant_id", "order_id", "id"),
        Index(
            "ix_order_change_expiry",
            "tenant_id",
            "expires_at",
            postgresql_where=text("status = 'awaiting_payment'"),
        ),
    )

    order_id: Mapped[UUID]
    kind: Mapped[Str]
    status: Mapped[Str] = mapped_column(server_default="draft")
    version: Mapped[Units]
    """The version of the order that it was made of."""
    asked: Mapped[Minor] = mapped_column(server_default="0")
    """What has to be paid before it is applied."""
    kept_back: Mapped[Minor] = mapped_column(server_default="0")
    """What the return of an exchange is worth, not refunded while what it lacks may be paid."""
    return_id: Mapped[UUID | None]
    """What comes back for what an exchange adds."""
    note: Mapped[Str] = mapped_column(server_default="")
    retaxed: Mapped[Minor] = mapped_column(server_default="0")
    """What other addresses make of the order's total, beside what is put in."""
    preview: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """What it makes of the order, as whoever confirms it saw it."""
    created_at: Mapped[Created]
    updated_at: Mapped[Created]
    expires_at: Mapped[Timestamp]
    """Until then its prices are promised, and what it adds is held."""


class OrderChangeAction(TenantOwned, Base):
    """One step of a change, with all that it needs to be applied; never changed."""

    __tablename__ = "order_change_action"
    __table_args__ = (
        belongs_to("order_change", "change_id"),
        CheckConstraint("kind IN ('add', 'remove', 'address', 'delivery_note', 'tax_engine')", name="kind"),
        CheckConstraint(
            "CASE WHEN kind IN ('add', 'remove') THEN line_id IS NOT NULL AND quantity > 0 "
            "ELSE line_id IS NULL AND quantity IS NULL END",
            name="units",
        ),
        Index("ix_order_change_action_change", "tenant_id", "change_id", "id"),
    )

    change_id: Mapped[UUID]
    kind: Mapped[Str]
    line_id: Mapped[UUID | None]
    """The line that loses units, or the one that units added will be."""
    quantity: Mapped[Units | None]
    data: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
