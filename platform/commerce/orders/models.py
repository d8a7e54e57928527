"""Orders and their lines."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Minor, Str, TenantOwned, Timestamp, Units, belongs_to


class Order(TenantOwned, Base):
    """A completed cart: what was bought, by whom, for how much."""

    __tablename__ = "orders"
    __table_args__ = (
        belongs_to("customer", "customer_id"),
        CheckConstraint("total = subtotal - discount + shipping + tax", name="total"),
        CheckConstraint("status IN ('confirmed', 'delivered', 'cancelled')", name="status"),
        Index("uq_orders_number", "tenant_id", "number", unique=True),
        Index("uq_orders_cart", "tenant_id", "cart_id", unique=True),
        Index("ix_orders_customer", "tenant_id", "customer_id", "placed_at"),
    )

    number: Mapped[Str]
    cart_id: Mapped[UUID | None]
    customer_id: Mapped[UUID | None]
    visitor_id: Mapped[UUID | None]
    email: Mapped[Str | None]
    status: Mapped[Str] = mapped_column(server_default="confirmed")
    currency: Mapped[Str]
    subtotal: Mapped[Minor]
    discount: Mapped[Minor]
    shipping: Mapped[Minor]
    tax: Mapped[Minor]
    total: Mapped[Minor]
    placed_at: Mapped[Timestamp]
    original_at: Mapped[Timestamp | None]
    """When it really happened, for history whose dates were shifted."""


class OrderLine(TenantOwned, Base):
    """A variant bought, with its share of the order's discount."""

    __tablename__ = "order_line"
    __table_args__ = (
        belongs_to("orders", "order_id"),
        belongs_to("variant", "variant_id"),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("total = unit_price * quantity + rounding - discount", name="total"),
        Index("ix_order_line_order", "tenant_id", "order_id"),
    )

    order_id: Mapped[UUID]
    product_id: Mapped[UUID]
    variant_id: Mapped[UUID]
    sku: Mapped[Str]
    title: Mapped[Str]
    quantity: Mapped[Units]
    unit_price: Mapped[Minor]
    rounding: Mapped[Minor] = mapped_column(server_default="0")
    """What a till's line total has over unit price times quantity, when the goods were sold by weight."""
    discount: Mapped[Minor]
    total: Mapped[Minor]
    decision_id: Mapped[UUID | None]
