"""Campaigns, their coupons, and who redeemed them."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Str, TenantOwned, Timestamp, belongs_to


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
