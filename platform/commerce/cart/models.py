"""Carts and their lines."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Minor, Str, TenantOwned, Units, belongs_to


class Cart(TenantOwned, Base):
    """What a visitor or a customer means to buy."""

    __tablename__ = "cart"
    __table_args__ = (
        belongs_to("customer", "customer_id"),
        CheckConstraint("status IN ('open', 'completing', 'completed')", name="status"),
        Index("ix_cart_customer", "tenant_id", "customer_id", "status"),
        Index("ix_cart_visitor", "tenant_id", "visitor_id", "status"),
    )

    visitor_id: Mapped[UUID]
    customer_id: Mapped[UUID | None]
    currency: Mapped[Str]
    email: Mapped[Str | None]
    address: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    delivery_code: Mapped[Str | None]
    code_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default=text("'{}'"))
    """The discount codes given, in the order in which they are taken."""
    delivery_slot: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """The window chosen: its id and the day."""
    tax_quote: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """What a tax engine said, and of what."""
    consignments: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB)
    """Which units go to which address and how, when they don't all go one way."""
    vat_id: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """The business that buys: its VAT number, and what a register said of it."""
    status: Mapped[Str] = mapped_column(server_default="open")
    version: Mapped[Units] = mapped_column(server_default="1")
    created_at: Mapped[Created]
    updated_at: Mapped[Created]


class CartLine(TenantOwned, Base):
    """A variant in a cart, at the price the shopper last saw."""

    __tablename__ = "cart_line"
    __table_args__ = (
        belongs_to("cart", "cart_id", ondelete="CASCADE"),
        belongs_to("variant", "variant_id"),
        CheckConstraint("quantity BETWEEN 1 AND 9999", name="quantity"),
        Index("uq_cart_line_variant", "tenant_id", "cart_id", "variant_id", unique=True),
    )

    cart_id: Mapped[UUID]
    variant_id: Mapped[UUID]
    quantity: Mapped[Units]
    unit_price: Mapped[Minor]
    explanation: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """Why the unit price, unless it is the list price."""
    decision_id: Mapped[UUID | None]
    """The recommendation that led here."""
