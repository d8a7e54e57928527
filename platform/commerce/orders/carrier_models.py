"""Carriers, and what they said of parcels."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Str, TenantOwned, Timestamp, belongs_to


class CarrierAccount(TenantOwned, Base):
    """A carrier whose events a shop takes, and what it signs them with."""

    __tablename__ = "carrier_account"
    __table_args__ = (Index("uq_carrier_account", "tenant_id", "carrier", unique=True),)

    carrier: Mapped[Str]
    secret: Mapped[Str]


class CarrierEvent(TenantOwned, Base):
    """What a carrier said of a tracking number; kept before it is acted on."""

    __tablename__ = "carrier_event"
    __table_args__ = (
        belongs_to("fulfilment", "fulfilment_id"),
        CheckConstraint(
            "status IN ('in_transit', 'out_for_delivery', 'failed_attempt', 'returned_to_sender', 'delivered')",
            name="status",
        ),
        Index("uq_carrier_event", "tenant_id", "carrier", "event_id", unique=True),
        Index(
            "ix_carrier_event_unmatched",
            "tenant_id",
            "tracking_number",
            postgresql_where=text("fulfilment_id IS NULL"),
        ),
        Index("ix_carrier_event_fulfilment", "tenant_id", "fulfilment_id"),
    )

    carrier: Mapped[Str]
    event_id: Mapped[Str]
    tracking_number: Mapped[Str]
    status: Mapped[Str]
    occurred_at: Mapped[Timestamp]
    place: Mapped[Str] = mapped_column(server_default="")
    note: Mapped[Str] = mapped_column(server_default="")
    fulfilment_id: Mapped[UUID | None]
    """The parcel that it was acted on for."""
    received_at: Mapped[Created]
