"""The tables of imports: the files that shops have sent, their bad rows, and the images that they name."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, PrimaryKeyConstraint, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Str, TenantOwned, Timestamp, Units, belongs_to


class CatalogueImport(TenantOwned, Base):
    """A file of products: sent, taken in by a worker batch by batch, kept for some days."""

    __tablename__ = "catalogue_import"
    __table_args__ = (
        CheckConstraint("status IN ('waiting', 'running', 'done', 'refused', 'cancelled', 'failed')", name="status"),
        CheckConstraint("format IN ('csv', 'xlsx', 'jsonl', 'google')", name="format"),
        Index(
            "ix_catalogue_import_due",
            "tenant_id",
            "id",
            postgresql_where=text("status IN ('waiting', 'running')"),
        ),
    )

    status: Mapped[Str]
    format: Mapped[Str]
    name: Mapped[Str]
    """What the file is called where it comes from."""
    mapping: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """What columns of the file are called here."""
    dry_run: Mapped[bool]
    size: Mapped[Units]
    """In bytes."""
    requested_by: Mapped[Str]
    """The principal."""
    requested_at: Mapped[Created]
    attempt: Mapped[Units] = mapped_column(server_default="0")
    leased_until: Mapped[Timestamp | None]
    """Until when the worker that takes it in is believed to live."""
    columns: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    """The first line, as it came."""
    rows: Mapped[Units] = mapped_column(server_default="0")
    """How many were seen to: the next batch begins behind them."""
    bytes: Mapped[Units] = mapped_column(server_default="0")
    """How far into the file that is."""
    created: Mapped[Units] = mapped_column(server_default="0")
    changed: Mapped[Units] = mapped_column(server_default="0")
    unchanged: Mapped[Units] = mapped_column(server_default="0")
    bad: Mapped[Units] = mapped_column(server_default="0")
    """Rows that were not taken."""
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """Why the file, or the rest of it, was refused: `{line, column, reason}`."""
    finished_at: Mapped[Timestamp | None]
    expires_at: Mapped[Timestamp | None]
    """When it is deleted, with its file and its bad rows."""


class ImportBadRow(Base):
    """A row that was not taken, as it came, and why."""

    __tablename__ = "import_bad_row"
    __table_args__ = (
        PrimaryKeyConstraint("tenant_id", "import_id", "line"),
        ForeignKeyConstraint(
            ["tenant_id", "import_id"], ["catalogue_import.tenant_id", "catalogue_import.id"], ondelete="CASCADE"
        ),
    )

    tenant_id: Mapped[UUID]
    import_id: Mapped[UUID]
    line: Mapped[Units]
    cells: Mapped[list[str]] = mapped_column(ARRAY(Text))
    problems: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """`[{column, reason}]`"""


class ImageLink(TenantOwned, Base):
    """An image that a file named for a product: fetched once, however often the file comes."""

    __tablename__ = "image_link"
    __table_args__ = (
        belongs_to("product", "product_id"),
        CheckConstraint("status IN ('waiting', 'running', 'fetched', 'failed')", name="status"),
        Index("uq_image_link_url", "tenant_id", "product_id", text("md5(url)"), unique=True),
        Index("ix_image_link_due", "tenant_id", "id", postgresql_where=text("status IN ('waiting', 'running')")),
    )

    product_id: Mapped[UUID]
    url: Mapped[Str]
    alt: Mapped[Str]
    position: Mapped[int] = mapped_column(SmallInteger)
    status: Mapped[Str] = mapped_column(server_default="waiting")
    attempt: Mapped[Units] = mapped_column(server_default="0")
    leased_until: Mapped[Timestamp | None]
    reason: Mapped[Str | None]
    """The code of why it could not be had."""
    requested_by: Mapped[Str]
    created_at: Mapped[Created]


class CatalogueExport(TenantOwned, Base):
    """A file of the whole catalogue: asked for, made by a worker, kept for some days."""

    __tablename__ = "catalogue_export"
    __table_args__ = (
        CheckConstraint("status IN ('waiting', 'running', 'ready', 'failed')", name="status"),
        CheckConstraint("format IN ('csv', 'jsonl', 'xlsx', 'google')", name="format"),
        Index(
            "ix_catalogue_export_due",
            "tenant_id",
            "id",
            postgresql_where=text("status IN ('waiting', 'running')"),
        ),
    )

    status: Mapped[Str]
    format: Mapped[Str]
    costs: Mapped[bool] = mapped_column(server_default=text("false"))
    """It has what variants cost the shop, and on which channel: for those who may see prices."""
    requested_by: Mapped[Str]
    """The principal."""
    requested_at: Mapped[Created]
    attempt: Mapped[Units] = mapped_column(server_default="0")
    leased_until: Mapped[Timestamp | None]
    """Until when the worker that writes it is believed to live."""
    products: Mapped[Units] = mapped_column(server_default="0")
    """How many are written."""
    total: Mapped[Units] = mapped_column(server_default="0")
    """Of how many there were when it was begun."""
    size: Mapped[Units | None]
    """In bytes."""
    sha256: Mapped[Str | None]
    home: Mapped[Str | None]
    """Where the shop's pages are, for the links of a feed."""
    left_out: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    """What is not in a feed: `[{reason, count, skus}]`"""
    problem: Mapped[Str | None]
    """Why it can't be made, however often it is tried."""
    finished_at: Mapped[Timestamp | None]
    expires_at: Mapped[Timestamp | None]
    """When it is deleted, with its file."""
