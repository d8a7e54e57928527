"""The tables of bulk price changes: what was asked, and what became of every SKU."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, PrimaryKeyConstraint, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Minor, Str, TenantOwned, Timestamp, Units, belongs_to


class BulkPriceChange(TenantOwned, Base):
    """A change of many prices: previewed, applied and undone by a worker, in that order."""

    __tablename__ = "bulk_price_change"
    __table_args__ = (
        CheckConstraint(
            "status IN ('waiting', 'running', 'previewed', 'refused', 'applied', 'stopped', 'undone', 'failed')",
            name="status",
        ),
        CheckConstraint("doing IN ('preview', 'apply', 'undo')", name="doing"),
        Index(
            "ix_bulk_price_change_due",
            "tenant_id",
            "id",
            postgresql_where=text("status IN ('waiting', 'running')"),
        ),
        Index(
            "ix_bulk_price_change_expires", "tenant_id", "expires_at", postgresql_where=text("expires_at IS NOT NULL")
        ),
    )

    status: Mapped[Str]
    doing: Mapped[Str]
    change: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """A `BulkChangeIn`, its rule as it is kept."""
    problem: Mapped[Str | None]
    attempt: Mapped[Units] = mapped_column(server_default="0")
    leased_until: Mapped[Timestamp | None]
    """Until when the worker that sees to it is believed to live."""
    found: Mapped[Units] = mapped_column(server_default="0")
    planned: Mapped[Units] = mapped_column(server_default="0")
    unchanged: Mapped[Units] = mapped_column(server_default="0")
    violating: Mapped[Units] = mapped_column(server_default="0")
    applied: Mapped[Units] = mapped_column(server_default="0")
    skipped: Mapped[Units] = mapped_column(server_default="0")
    undone: Mapped[Units] = mapped_column(server_default="0")
    kept: Mapped[Units] = mapped_column(server_default="0")
    """How many of its rows are in which state, from `planned` on; the others were not looked at yet."""
    summary: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """A `Summary`."""
    violations: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """How many rows break which guardrail."""
    requested_by: Mapped[Str]
    """The principal."""
    requested_at: Mapped[Created]
    applied_by: Mapped[Str | None]
    applied_at: Mapped[Timestamp | None]
    undone_by: Mapped[Str | None]
    undone_at: Mapped[Timestamp | None]
    finished_at: Mapped[Timestamp | None]
    expires_at: Mapped[Timestamp | None]
    """When it is deleted with its rows, because nothing came of it."""


class BulkPriceRow(Base):
    """A SKU of a bulk price change, as it was looked at, and what became of it."""

    __tablename__ = "bulk_price_row"
    __table_args__ = (
        PrimaryKeyConstraint("tenant_id", "change_id", "variant_id"),
        ForeignKeyConstraint(
            ["tenant_id", "change_id"], ["bulk_price_change.tenant_id", "bulk_price_change.id"], ondelete="CASCADE"
        ),
        belongs_to("variant", "variant_id", ondelete="CASCADE"),
        CheckConstraint(
            "state IN ('found', 'planned', 'unchanged', 'violating', 'applied', 'skipped', 'undone', 'kept')",
            name="state",
        ),
        Index("ix_bulk_price_row_state", "tenant_id", "change_id", "state", "variant_id"),
        Index("ix_bulk_price_row_variant", "tenant_id", "variant_id"),
    )

    tenant_id: Mapped[UUID]
    change_id: Mapped[UUID]
    variant_id: Mapped[UUID]
    sku: Mapped[Str]
    """As it was called then."""
    state: Mapped[Str]
    base: Mapped[Minor]
    """What was reckoned from."""
    before: Mapped[Minor | None]
    after: Mapped[Minor | None]
    struck_before: Mapped[Minor | None]
    struck_after: Mapped[Minor | None]
    violations: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    warnings: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
