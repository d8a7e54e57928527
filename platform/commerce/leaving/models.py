"""Archives that shops have asked for, and shops that are gone."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Str, TenantOwned, Timestamp, Units


class ShopExport(TenantOwned, Base):
    """An archive of everything: asked for, made by a worker, kept for some days."""

    __tablename__ = "shop_export"
    __table_args__ = (
        CheckConstraint("status IN ('waiting', 'running', 'ready', 'failed')", name="status"),
        Index(
            "uq_shop_export_one_at_a_time",
            "tenant_id",
            unique=True,
            postgresql_where=text("status IN ('waiting', 'running')"),
        ),
    )

    status: Mapped[Str]
    requested_by: Mapped[Str]
    """The principal."""
    requested_at: Mapped[Created]
    leased_until: Mapped[Timestamp | None]
    """Until when the worker that makes it is believed to live."""
    attempt: Mapped[Units] = mapped_column(server_default="0")
    at: Mapped[Str | None]
    """What is being written."""
    rows_done: Mapped[Units] = mapped_column(server_default="0")
    rows_total: Mapped[Units] = mapped_column(server_default="0")
    finished_at: Mapped[Timestamp | None]
    expires_at: Mapped[Timestamp | None]
    """When it is deleted."""
    size: Mapped[Units | None]
    """In bytes."""
    sha256: Mapped[Str | None]
    """In hexadecimal."""


class RemovedTenant(Base):
    """A shop that was removed, or is being: nobody may bring it back, not even a backup that still has it.

    It belongs to no tenant, so that it survives its own.
    """

    __tablename__ = "removed_tenant"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    slug_digest: Mapped[bytes] = mapped_column(LargeBinary)
    """Empty where the name was not known any more."""
    began_at: Mapped[Timestamp]
    at: Mapped[Str | None]
    """What is being removed."""
    rows: Mapped[Units] = mapped_column(server_default="0")
    """How many are deleted so far."""
    finished_at: Mapped[Timestamp | None]
    swept_at: Mapped[Timestamp | None]
    """When it was looked for once more, long enough after for nothing to be on its way."""
