"""List prices, the offers beside them, and prices promised to one shopper."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Minor, Str, TenantOwned, Timestamp, Units, belongs_to


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


class PriceOffer(TenantOwned, Base):
    """A price that holds for a time, from a quantity, or for a group of customers."""

    __tablename__ = "price_offer"
    __table_args__ = (
        belongs_to("variant", "variant_id"),
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint("min_quantity BETWEEN 1 AND 9999", name="min_quantity"),
        CheckConstraint("starts_at < ends_at", name="window"),
        Index("ix_price_offer_variant", "tenant_id", "variant_id", "currency"),
    )

    variant_id: Mapped[UUID]
    currency: Mapped[Str]
    amount: Mapped[Minor]
    min_quantity: Mapped[Units] = mapped_column(server_default="1")
    price_group: Mapped[Str | None]
    starts_at: Mapped[Timestamp | None]
    ends_at: Mapped[Timestamp | None]
    """Not included."""


class PriceQuote(TenantOwned, Base):
    """A price promised to one shopper; never changed."""

    __tablename__ = "price_quote"
    __table_args__ = (
        belongs_to("variant", "variant_id"),
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint("quoted_at < expires_at", name="window"),
        Index("ix_price_quote_holder", "tenant_id", "holder_id", "variant_id", "expires_at"),
        Index("ix_price_quote_variant", "tenant_id", "variant_id", "expires_at"),
        Index("uq_price_quote_decision", "tenant_id", "decision_id", "holder_id", "variant_id", unique=True),
    )

    holder_id: Mapped[UUID]
    """The customer, or the visitor who had not signed in."""
    variant_id: Mapped[UUID]
    currency: Mapped[Str]
    amount: Mapped[Minor]
    decision_id: Mapped[UUID]
    quoted_at: Mapped[Timestamp]
    expires_at: Mapped[Timestamp]
    """Not included."""
