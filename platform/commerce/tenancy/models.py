"""The tenant directory. It is read before a tenant is known, so it is not tenant-owned; a row is written by its own
tenant alone.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.ids import new_id
from foundation.tables import Created, Str, Timestamp, Units


class Tenant(Base):
    """A shop."""

    __tablename__ = "tenant"
    __table_args__ = (
        CheckConstraint(
            "status IN ('draft', 'unverified', 'active', 'suspended', 'closing', 'removing')", name="status"
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[Str] = mapped_column(unique=True)
    name: Mapped[Str]
    currency: Mapped[Str]
    locale: Mapped[Str] = mapped_column(server_default="en-US")
    status: Mapped[Str] = mapped_column(server_default="active")
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    settings_version: Mapped[Units] = mapped_column(server_default="1")
    """Grows with every change of name, locale or settings by its staff."""
    closes_at: Mapped[Timestamp | None]
    """When everything of a shop that is closing is deleted."""
    warned_days: Mapped[Units | None]
    """How many days before that its people were last warned."""
    home: Mapped[Str] = mapped_column(server_default="")
    """The name of the database that holds the shop's rows; of the shared one, nothing."""
    moving_to: Mapped[Str | None]
    """While the shop is being moved: where to. Until then it is only read."""
    created_at: Mapped[Created]


class TenantDomain(Base):
    """A host name that a tenant's shop answers to, lower case, without port."""

    __tablename__ = "tenant_domain"
    __table_args__ = (Index("uq_tenant_domain_primary", "tenant_id", unique=True, postgresql_where=text("is_primary")),)

    host: Mapped[Str] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenant.id"), index=True)
    is_primary: Mapped[bool] = mapped_column(server_default="false")
    """Pages asked for at another of the shop's names are to be asked for here."""
