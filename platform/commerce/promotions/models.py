"""Codes and their uses; and campaigns, their coupons and who redeemed them, as a data set recorded them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import TIMESTAMP, CheckConstraint, Index, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Minor, Str, TenantOwned, Timestamp, Units, belongs_to


class Campaign(TenantOwned, Base):
    """A mailing of coupons that is valid for a time."""

    __tablename__ = "campaign"
    __table_args__ = (Index("uq_campaign_reference", "tenant_id", "reference", unique=True),)

    reference: Mapped[Str]
    kind: Mapped[Str]
    starts_at: Mapped[Timestamp]
    ends_at: Mapped[Timestamp]


class Coupon(TenantOwned, Base):
    """A coupon of a campaign."""

    __tablename__ = "coupon"
    __table_args__ = (
        belongs_to("campaign", "campaign_id"),
        Index("uq_coupon_code", "tenant_id", "code", "campaign_id", unique=True),
        Index("ix_coupon_campaign", "tenant_id", "campaign_id"),
    )

    campaign_id: Mapped[UUID]
    code: Mapped[Str]


class CouponProduct(Base):
    """A product a coupon is good for."""

    __tablename__ = "coupon_product"
    __table_args__ = (belongs_to("coupon", "coupon_id"), belongs_to("product", "product_id"))

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    coupon_id: Mapped[UUID] = mapped_column(primary_key=True)
    product_id: Mapped[UUID] = mapped_column(primary_key=True)


class CouponRedemption(TenantOwned, Base):
    """A coupon handed in by a customer."""

    __tablename__ = "coupon_redemption"
    __table_args__ = (
        belongs_to("coupon", "coupon_id"),
        belongs_to("customer", "customer_id"),
        Index("ix_coupon_redemption_coupon", "tenant_id", "coupon_id"),
        Index("ix_coupon_redemption_customer", "tenant_id", "customer_id"),
    )

    coupon_id: Mapped[UUID]
    customer_id: Mapped[UUID]
    redeemed_at: Mapped[Timestamp]
    original_at: Mapped[Timestamp | None]


class DiscountCode(TenantOwned, Base):
    """A code that takes something off a cart. Its times are what the shop's own clocks show."""

    __tablename__ = "discount_code"
    __table_args__ = (
        CheckConstraint("(percent IS NULL) <> (amount IS NULL)", name="one_kind"),
        CheckConstraint("percent > 0 AND percent <= 100", name="percent"),
        CheckConstraint("amount > 0 AND minimum >= 0", name="amounts"),
        CheckConstraint("currency IS NOT NULL OR (amount IS NULL AND minimum = 0)", name="currency"),
        CheckConstraint("starts_at < ends_at", name="window"),
        CheckConstraint("used >= 0 AND (usage_limit IS NULL OR used <= usage_limit)", name="used"),
        Index("uq_discount_code_code", "tenant_id", "code", unique=True),
    )

    code: Mapped[Str]
    percent: Mapped[Decimal | None] = mapped_column(Numeric(6, 3))
    amount: Mapped[Minor | None]
    currency: Mapped[Str | None]
    minimum: Mapped[Minor] = mapped_column(server_default="0")
    starts_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    ends_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    """Not included."""
    usage_limit: Mapped[Units | None]
    per_customer_limit: Mapped[Units | None]
    used: Mapped[Units] = mapped_column(server_default="0")


class DiscountRedemption(TenantOwned, Base):
    """A use of a code for an order."""

    __tablename__ = "discount_redemption"
    __table_args__ = (
        belongs_to("discount_code", "code_id"),
        belongs_to("orders", "order_id"),
        CheckConstraint("amount >= 0", name="amount"),
        Index("uq_discount_redemption_order", "tenant_id", "order_id", "code_id", unique=True),
        Index("ix_discount_redemption_code", "tenant_id", "code_id", "id"),
        Index("ix_discount_redemption_holder", "tenant_id", "code_id", "holder_id"),
    )

    code_id: Mapped[UUID]
    order_id: Mapped[UUID]
    holder_id: Mapped[UUID]
    """The customer, or the visitor who had not signed in."""
    amount: Mapped[Minor]
    currency: Mapped[Str]
    redeemed_at: Mapped[Timestamp]
    released_at: Mapped[Timestamp | None]
    """When the order was cancelled and the use given back."""
