"""List prices, the offers beside them, prices promised to one shopper, and what became of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.dialects.postgresql import JSONB
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


class VariantCost(TenantOwned, Base):
    """What one unit of a variant costs the shop, in a currency in which it sells it."""

    __tablename__ = "variant_cost"
    __table_args__ = (
        belongs_to("variant", "variant_id", ondelete="CASCADE"),
        CheckConstraint("amount >= 0", name="amount"),
        Index("uq_variant_cost", "tenant_id", "variant_id", "currency", unique=True),
    )

    variant_id: Mapped[UUID]
    currency: Mapped[Str]
    amount: Mapped[Minor]


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
    channel: Mapped[Str | None]
    """The code of the sales channel on which alone it holds."""
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


class PriceChange(TenantOwned, Base):
    """What was said of a variant's price in a currency before somebody changed it, and after; never changed itself."""

    __tablename__ = "price_change"
    __table_args__ = (
        belongs_to("variant", "variant_id", ondelete="CASCADE"),
        Index("ix_price_change_variant", "tenant_id", "variant_id", "id"),
    )

    variant_id: Mapped[UUID]
    currency: Mapped[Str]
    at: Mapped[Timestamp]
    changed_by: Mapped[Str | None]
    """The principal; none is told of what the platform does by itself, such as opening a shop."""
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """List price, what it cost before, and offers; null: it had no price."""
    after: Mapped[dict[str, Any]] = mapped_column(JSONB)


class PricePeriod(TenantOwned, Base):
    """For how long everybody on a sales channel paid the same for one unit: kept of the past, planned for what is to
    come.
    """

    __tablename__ = "price_period"
    __table_args__ = (
        belongs_to("variant", "variant_id", ondelete="CASCADE"),
        CheckConstraint("starts_at < ends_at", name="window"),
        CheckConstraint("(compare_at IS NULL) = (reduced_since IS NULL)", name="reduced"),
        Index(
            "uq_price_period_start",
            "tenant_id",
            "variant_id",
            "currency",
            "starts_at",
            "channel",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_price_period_begins", "tenant_id", "starts_at"),
    )

    variant_id: Mapped[UUID]
    currency: Mapped[Str]
    channel: Mapped[Str | None]
    """One on which a price of its own was ever said; `None`: every other."""
    amount: Mapped[Minor]
    starts_at: Mapped[Timestamp]
    ends_at: Mapped[Timestamp | None]
    """Not included."""
    compare_at: Mapped[Minor | None]
    """What is struck through beside it, where it is reduced."""
    reduced_since: Mapped[Timestamp | None]
    lowest_before: Mapped[Minor | None]
    """The lowest price of the 30 days before the reduction began."""
