"""The tables of media: what a product shows, the pictures in it, and files that nothing shows any more."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, PrimaryKeyConstraint, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Str, TenantOwned, Timestamp, Units, belongs_to


class ProductMedia(TenantOwned, Base):
    """An image, a 360-degree set or a video of a product."""

    __tablename__ = "product_media"
    __table_args__ = (
        belongs_to("product", "product_id"),
        ForeignKeyConstraint(
            ["tenant_id", "variant_id"], ["variant.tenant_id", "variant.id"], ondelete="SET NULL (variant_id)"
        ),
        CheckConstraint("kind IN ('image', 'spin', 'video')", name="kind"),
        CheckConstraint("(kind = 'video') = (video IS NOT NULL)", name="video"),
        CheckConstraint("focal_x BETWEEN 0 AND 100 AND focal_y BETWEEN 0 AND 100", name="focal"),
        Index("ix_product_media_product", "tenant_id", "product_id", "position", "id"),
        Index("ix_product_media_proposed", "tenant_id", "product_id", postgresql_where=text("NOT approved")),
        Index("ix_product_media_variant", "tenant_id", "variant_id", postgresql_where=text("variant_id IS NOT NULL")),
    )

    product_id: Mapped[UUID]
    variant_id: Mapped[UUID | None]
    """What it shows, when that is one variant and not all."""
    kind: Mapped[Str]
    position: Mapped[int] = mapped_column(SmallInteger)
    alt: Mapped[Str]
    focal_x: Mapped[int] = mapped_column(SmallInteger, server_default="50")
    """What squares are cut around: percent from the left, and from the top."""
    focal_y: Mapped[int] = mapped_column(SmallInteger, server_default="50")
    video: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """`{provider, url, embed_url}`."""
    approved: Mapped[bool]
    """Shoppers see it where the product is published."""
    added_by: Mapped[Str]
    """The principal."""
    created_at: Mapped[Created]


class MediaPicture(TenantOwned, Base):
    """One picture of a medium: the image, a frame of a set, what stands for a video; made by a worker in its turn."""

    __tablename__ = "media_picture"
    __table_args__ = (
        belongs_to("product_media", "media_id"),
        CheckConstraint("status IN ('waiting', 'running', 'ready', 'failed')", name="status"),
        CheckConstraint("fault IN ('lost', 'unreadable', 'unavailable')", name="fault"),
        Index("ix_media_picture_media", "tenant_id", "media_id", "position", "id"),
        Index("ix_media_picture_due", "tenant_id", "id", postgresql_where=text("status IN ('waiting', 'running')")),
    )

    media_id: Mapped[UUID]
    position: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    width: Mapped[int] = mapped_column(SmallInteger)
    height: Mapped[int] = mapped_column(SmallInteger)
    status: Mapped[Str] = mapped_column(server_default="waiting")
    attempt: Mapped[Units] = mapped_column(server_default="0")
    leased_until: Mapped[Timestamp | None]
    fault: Mapped[Str | None]
    """Why it could not be made when it was tried last: `lost`, `unreadable` or `unavailable`."""
    shown: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """What was made of it, as the shop says it; what was made before stays until there is another."""
    cover: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """What lists show of it."""
    thumbnail: Mapped[Str | None]
    """Key of a small square in the object store."""
    files: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    """Where all that was made of it lies in the object store."""


class CollectionPicture(TenantOwned, Base):
    """The picture that was brought for a collection; made as those of products are."""

    __tablename__ = "collection_picture"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "collection_id"],
            ["collection.tenant_id", "collection.id"],
            ondelete="SET NULL (collection_id)",
        ),
        CheckConstraint("focal_x BETWEEN 0 AND 100 AND focal_y BETWEEN 0 AND 100", name="focal"),
        CheckConstraint("status IN ('waiting', 'running', 'ready', 'failed')", name="status"),
        CheckConstraint("fault IN ('lost', 'unreadable', 'unavailable')", name="fault"),
        Index("uq_collection_picture_collection", "tenant_id", "collection_id", unique=True),
        Index(
            "ix_collection_picture_due", "tenant_id", "id", postgresql_where=text("status IN ('waiting', 'running')")
        ),
    )

    collection_id: Mapped[UUID | None]
    """`NULL`: the collection is gone, and its picture goes."""
    alt: Mapped[Str]
    focal_x: Mapped[int] = mapped_column(SmallInteger)
    focal_y: Mapped[int] = mapped_column(SmallInteger)
    width: Mapped[int] = mapped_column(SmallInteger)
    height: Mapped[int] = mapped_column(SmallInteger)
    status: Mapped[Str] = mapped_column(server_default="waiting")
    attempt: Mapped[Units] = mapped_column(server_default="0")
    leased_until: Mapped[Timestamp | None]
    fault: Mapped[Str | None]
    shown: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    cover: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    thumbnail: Mapped[Str | None]
    files: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))


class MediaLeftover(Base):
    """A file that nothing shows, or nothing yet: to be deleted, unless somebody says before that it is shown."""

    __tablename__ = "media_leftover"
    __table_args__ = (
        PrimaryKeyConstraint("tenant_id", "path"),
        Index("ix_media_leftover_due", "tenant_id", "due_at"),
    )

    tenant_id: Mapped[UUID]
    path: Mapped[Str]
    due_at: Mapped[Timestamp]
