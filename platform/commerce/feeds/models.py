"""The tables of product feeds: what is declared, and each time that one was built."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Str, TenantOwned, Timestamp, Units, belongs_to


class ProductFeed(TenantOwned, Base):
    """A feed that is built again and again. Whoever has its token may fetch it."""

    __tablename__ = "product_feed"
    __table_args__ = (
        CheckConstraint("every_hours BETWEEN 1 AND 168", name="every_hours"),
        Index("uq_product_feed_token_hash", "tenant_id", "token_hash", unique=True),
    )

    name: Mapped[Str]
    language: Mapped[Str | None]
    """Of its texts; the shop's own, without."""
    channel: Mapped[Str]
    """The sales channel whose prices it has."""
    every_hours: Mapped[Units]
    home: Mapped[Str]
    """Where the shop's pages are, for its links."""
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    token_shown: Mapped[Str]
    """The part of the token that people know it by."""
    created_at: Mapped[Created]
    rotated_at: Mapped[Created]
    """Since when it has this token."""
    version: Mapped[Units]


class ProductFeedBuild(TenantOwned, Base):
    """One making of a feed's file. The latest that is ready is what is fetched."""

    __tablename__ = "product_feed_build"
    __table_args__ = (
        belongs_to("product_feed", "feed_id", ondelete="CASCADE"),
        CheckConstraint("status IN ('waiting', 'running', 'ready', 'failed')", name="status"),
        Index("ix_product_feed_build_feed", "tenant_id", "feed_id", "id"),
        Index(
            "uq_product_feed_build_due",
            "tenant_id",
            "feed_id",
            unique=True,
            postgresql_where=text("status IN ('waiting', 'running')"),
        ),
    )

    feed_id: Mapped[UUID]
    status: Mapped[Str]
    requested_by: Mapped[Str | None]
    """The principal; nobody where its time had come."""
    requested_at: Mapped[Created]
    attempt: Mapped[Units] = mapped_column(server_default="0")
    leased_until: Mapped[Timestamp | None]
    """Until when the worker that writes it is believed to live."""
    products: Mapped[Units] = mapped_column(server_default="0")
    """How many were looked at."""
    total: Mapped[Units] = mapped_column(server_default="0")
    """Of how many there were when it was begun."""
    items: Mapped[Units] = mapped_column(server_default="0")
    """Variants that are in it."""
    left_out: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    """What is not in it: `[{reason, count, skus}]`"""
    size: Mapped[Units | None]
    """In bytes."""
    packed_size: Mapped[Units | None]
    """The same of the file that is packed by gzip."""
    sha256: Mapped[Str | None]
    """Of what is not packed."""
    changed_at: Mapped[Timestamp | None]
    """Since when the feed is what it is: builds that give the same change nothing."""
    finished_at: Mapped[Timestamp | None]
