"""Vendors, their part of each order, and what was paid out to them."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Minor, Str, TenantOwned, Timestamp, belongs_to


class Vendor(TenantOwned, Base):
    """Somebody who sells through the shop. Goods of no vendor are the shop's own."""

    __tablename__ = "vendor"
    __table_args__ = (
        CheckConstraint("status IN ('active', 'suspended')", name="status"),
        CheckConstraint("commission_rate >= 0 AND commission_rate < 1 AND commission_fee >= 0", name="commission"),
        Index("uq_vendor_code", "tenant_id", "code", unique=True),
    )

    code: Mapped[Str]
    name: Mapped[Str]
    status: Mapped[Str] = mapped_column(server_default="active")
    commission_rate: Mapped[Decimal] = mapped_column(Numeric(9, 8), server_default="0")
    """A share of what shoppers pay for the vendor's lines, tax included."""
    commission_fee: Mapped[Minor] = mapped_column(server_default="0")
    """Minor units, once for each order."""
    created_at: Mapped[Created]


class VendorOrder(TenantOwned, Base):
    """A vendor's part of an order, at the terms that held when it was placed."""

    __tablename__ = "vendor_order"
    __table_args__ = (
        belongs_to("orders", "order_id"),
        belongs_to("vendor", "vendor_id"),
        CheckConstraint("earned >= 0 AND commission >= 0", name="earned"),
        Index("uq_vendor_order_order", "tenant_id", "order_id", "vendor_id", unique=True),
        Index("ix_vendor_order_vendor", "tenant_id", "vendor_id", "id"),
    )

    order_id: Mapped[UUID]
    vendor_id: Mapped[UUID]
    number: Mapped[Str]
    commission_rate: Mapped[Decimal] = mapped_column(Numeric(9, 8))
    commission_fee: Mapped[Minor]
    earned: Mapped[Minor] = mapped_column(server_default="0")
    """What the books owe the vendor for it, whether paid out or not: nothing before the money is captured."""
    commission: Mapped[Minor] = mapped_column(server_default="0")
    """What the shop keeps of it."""
    paid_out: Mapped[Minor] = mapped_column(server_default="0")
    """What payouts have paid of `earned`; more than it, when units came back since."""
    placed_at: Mapped[Timestamp]


class VendorPayout(TenantOwned, Base):
    """Money that went to a vendor; never changed."""

    __tablename__ = "vendor_payout"
    __table_args__ = (
        belongs_to("vendor", "vendor_id"),
        CheckConstraint("amount > 0", name="amount"),
        Index("ix_vendor_payout_vendor", "tenant_id", "vendor_id", "id"),
    )

    vendor_id: Mapped[UUID]
    amount: Mapped[Minor]
    currency: Mapped[Str]
    orders: Mapped[Minor]
    """How many vendor orders it settled."""
    at: Mapped[Timestamp]


class VendorPayoutLine(TenantOwned, Base):
    """What a payout paid for one vendor order; negative for units that came back after they had been paid for."""

    __tablename__ = "vendor_payout_line"
    __table_args__ = (
        belongs_to("vendor_payout", "payout_id"),
        belongs_to("vendor_order", "vendor_order_id"),
        CheckConstraint("amount <> 0", name="amount"),
        Index("ix_vendor_payout_line_payout", "tenant_id", "payout_id"),
        Index("ix_vendor_payout_line_order", "tenant_id", "vendor_order_id"),
    )

    payout_id: Mapped[UUID]
    vendor_order_id: Mapped[UUID]
    amount: Mapped[Minor]
