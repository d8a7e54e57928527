"""Carts and their lines."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Minor, Str, TenantOwned, Timestamp, Units, belongs_to


class Cart(TenantOwned, Base):
    """What a visitor or a customer means to buy."""

    __tablename__ = "cart"
    __table_args__ = (
        belongs_to("customer", "customer_id"),
        CheckConstraint("status IN ('open', 'completing', 'completed', 'merged')", name="status"),
        Index(
            "ix_cart_customer",
            "tenant_id",
            "customer_id",
            "status",
            postgresql_where=text("customer_id IS NOT NULL"),
        ),
        Index("ix_cart_visitor", "tenant_id", "visitor_id", "status", postgresql_where=text("customer_id IS NULL")),
        Index(
            "ix_cart_left",
            "tenant_id",
            "created_at",
            postgresql_where=text("customer_id IS NULL AND status IN ('open', 'merged')"),
        ),
        Index(
            "ix_cart_watched",
            "tenant_id",
            "id",
            postgresql_where=text("status = 'open' AND abandoned_at IS NULL"),
        ),
    )

    visitor_id: Mapped[UUID]
    customer_id: Mapped[UUID | None]
    currency: Mapped[Str]
    channel: Mapped[Str] = mapped_column(server_default="web")
    """The sales channel on which it was opened, whose prices it has."""
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
    note: Mapped[Str | None]
    """What the shopper wants to tell the shop."""
    gift: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """All of it is given away: wrapped, with a message."""
    status: Mapped[Str] = mapped_column(server_default="open")
    abandoned_at: Mapped[Timestamp | None]
    """When it was told that it had been left; nothing once it is gone on with."""
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
    gift: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """This line is given away by itself."""
    decision_id: Mapped[UUID | None]
    """The recommendation that led here."""


class SavedItem(TenantOwned, Base):
    """A variant that a shopper keeps for later."""

    __tablename__ = "saved_item"
    __table_args__ = (
        belongs_to("variant", "variant_id"),
        CheckConstraint("quantity BETWEEN 1 AND 9999", name="quantity"),
        Index("uq_saved_item_variant", "tenant_id", "holder_id", "variant_id", unique=True),
    )

    holder_id: Mapped[UUID]
    """The customer, or the visitor who has not signed in."""
    variant_id: Mapped[UUID]
    quantity: Mapped[Units]
    decision_id: Mapped[UUID | None]
    saved_at: Mapped[Timestamp]


class SharedCart(TenantOwned, Base):
    """A copy of a cart's lines behind a link. Only the hash of its token is kept."""

    __tablename__ = "shared_cart"
    __table_args__ = (Index("uq_shared_cart_token_hash", "tenant_id", "token_hash", unique=True),)

    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    created_at: Mapped[Timestamp]
    expires_at: Mapped[Timestamp]


class GiftWrap(TenantOwned, Base):
    """What a shop asks for wrapping, in its own currency."""

    __tablename__ = "gift_wrap"
    __table_args__ = (
        CheckConstraint("price >= 0", name="price"),
        Index("uq_gift_wrap", "tenant_id", unique=True),
    )

    price: Mapped[Minor]
    tax_class: Mapped[Str] = mapped_column(server_default="standard")
    active: Mapped[bool] = mapped_column(server_default="true")
