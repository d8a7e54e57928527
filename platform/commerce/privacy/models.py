"""What people have asked for: an archive of what is kept about them, or to be forgotten."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Str, TenantOwned, Timestamp, Units, belongs_to


class PersonExport(TenantOwned, Base):
    """An archive of what is kept about somebody: asked for, made by a worker, kept sealed for some days."""

    __tablename__ = "person_export"
    __table_args__ = (
        belongs_to("customer", "customer_id"),
        CheckConstraint("status IN ('waiting', 'running', 'ready', 'failed')", name="status"),
        Index(
            "uq_person_export_one_at_a_time",
            "tenant_id",
            "customer_id",
            unique=True,
            postgresql_where=text("status IN ('waiting', 'running')"),
        ),
        Index("ix_person_export_customer", "tenant_id", "customer_id"),
    )

    customer_id: Mapped[UUID]
    status: Mapped[Str]
    requested_by: Mapped[Str]
    """The principal: the customer's own account, or somebody of the shop."""
    requested_at: Mapped[Created]
    home: Mapped[Str]
    """The shop's address as it was asked, for the link in the mail."""
    key: Mapped[Str]
    """What the file is sealed with, itself sealed by the customer's key: whoever is forgotten, so is the file."""
    attempt: Mapped[Units] = mapped_column(server_default="0")
    leased_until: Mapped[Timestamp | None]
    """Until when the worker that makes it is believed to live."""
    finished_at: Mapped[Timestamp | None]
    expires_at: Mapped[Timestamp | None]
    """When it is deleted."""
    size: Mapped[Units | None]
    """Of the archive, in bytes."""
    sha256: Mapped[Str | None]
    """Of the same, in hexadecimal."""


class ErasureRequest(TenantOwned, Base):
    """A customer asked to be forgotten: after a time of grace they are, unless they stay."""

    __tablename__ = "erasure_request"
    __table_args__ = (
        belongs_to("customer", "customer_id"),
        CheckConstraint(
            "(ended_at IS NULL AND outcome IS NULL) OR (ended_at IS NOT NULL AND outcome IN ('kept', 'erased'))",
            name="outcome",
        ),
        Index(
            "uq_erasure_request_open",
            "tenant_id",
            "customer_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    customer_id: Mapped[UUID]
    requested_by: Mapped[Str]
    """The principal: the customer's own account, the customer, or somebody of the shop."""
    requested_at: Mapped[Timestamp]
    due_at: Mapped[Timestamp]
    """When the time of grace is over."""
    next_at: Mapped[Timestamp]
    """When it is looked at next: later than `due_at` where an order is still on its way."""
    told_at: Mapped[Timestamp | None]
    """When the last mail was written."""
    message_id: Mapped[UUID | None]
    ended_at: Mapped[Timestamp | None]
    outcome: Mapped[Str | None]
    """`kept`: they stayed; `erased`."""
