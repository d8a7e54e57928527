"""A customer's addresses and preferences."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Str, TenantOwned, Timestamp, belongs_to


class CustomerAddress(TenantOwned, Base):
    """An address a customer has kept."""

    __tablename__ = "customer_address"
    __table_args__ = (
        belongs_to("customer", "customer_id"),
        Index("ix_customer_address_customer", "tenant_id", "customer_id", "created_at"),
        Index(
            "uq_customer_address_shipping",
            "tenant_id",
            "customer_id",
            unique=True,
            postgresql_where=text("default_shipping"),
        ),
        Index(
            "uq_customer_address_billing",
            "tenant_id",
            "customer_id",
            unique=True,
            postgresql_where=text("default_billing"),
        ),
    )

    customer_id: Mapped[UUID]
    content: Mapped[Str]
    """The address as JSON, sealed."""
    default_shipping: Mapped[bool] = mapped_column(server_default="false")
    default_billing: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[Timestamp]
    updated_at: Mapped[Timestamp]


class NotificationPreference(TenantOwned, Base):
    """What a customer has said about a kind of message; without a row it is as the kind's default."""

    __tablename__ = "notification_preference"
    __table_args__ = (
        belongs_to("customer", "customer_id"),
        CheckConstraint("channel IN ('email', 'sms')", name="channel"),
        Index("uq_notification_preference", "tenant_id", "customer_id", "topic", "channel", unique=True),
    )

    customer_id: Mapped[UUID]
    topic: Mapped[Str]
    channel: Mapped[Str]
    wanted: Mapped[bool]
    updated_at: Mapped[Timestamp]
