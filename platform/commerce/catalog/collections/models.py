"""The tables of collections."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, PrimaryKeyConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Str, TenantOwned, Timestamp, Units, belongs_to


class Collection(TenantOwned, Base):
    """Products that are shown together."""

    __tablename__ = "collection"
    __table_args__ = (
        belongs_to("product", "picture_of"),
        CheckConstraint(
            "sort IN ('by_hand', 'best_selling', 'newest', 'price_asc', 'price_desc', 'title')", name="sort"
        ),
        CheckConstraint("sort <> 'by_hand' OR rule IS NULL", name="by_hand"),
        CheckConstraint("starts_at < ends_at", name="window"),
        Index("uq_collection_handle", "tenant_id", "handle", unique=True),
        Index("ix_collection_due", "tenant_id", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    )

    handle: Mapped[Str]
    title: Mapped[Str]
    description: Mapped[Str] = mapped_column(server_default="")
    rule: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """What decides which products are in it, a `Rule`; `NULL` where somebody picks them."""
    sort: Mapped[Str]
    published: Mapped[bool] = mapped_column(server_default="false")
    starts_at: Mapped[Timestamp | None]
    ends_at: Mapped[Timestamp | None]
    """Not included."""
    menu_position: Mapped[int | None] = mapped_column(Integer)
    """Its place in the shop's menu; it is not in it without one."""
    picture_of: Mapped[UUID | None]
    """The product whose picture stands for it; the first one's, without."""
    product_count: Mapped[Units] = mapped_column(server_default="0")
    """Published products in it."""
    translations: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """By locale, texts by their names; `catalog.translations` writes them."""
    filled_at: Mapped[Timestamp | None]
    """When it was last filled from nothing."""
    due_at: Mapped[Timestamp | None]
    """When the worker fills it anew."""
    version: Mapped[Units] = mapped_column(server_default="1")
    created_at: Mapped[Created]
    updated_at: Mapped[Created]


class CollectionProduct(Base):
    """That a product is in a collection, and where."""

    __tablename__ = "collection_product"
    __table_args__ = (
        PrimaryKeyConstraint("tenant_id", "collection_id", "product_id"),
        belongs_to("collection", "collection_id", ondelete="CASCADE"),
        belongs_to("product", "product_id"),
        Index("ix_collection_product_place", "tenant_id", "collection_id", "place", "product_id"),
        Index("ix_collection_product_product", "tenant_id", "product_id"),
    )

    tenant_id: Mapped[UUID]
    collection_id: Mapped[UUID]
    product_id: Mapped[UUID]
    position: Mapped[int | None] = mapped_column(Integer)
    """Where somebody put it; `NULL` where a rule did."""
    place: Mapped[int] = mapped_column(BigInteger)
    """By which the shop lists it, in the order that the collection has."""


class CollectionDue(TenantOwned, Base):
    """That something changed which collections go by: written by triggers, taken by the worker."""

    __tablename__ = "collection_due"

    product_id: Mapped[UUID | None]
    """`NULL`: any product may be concerned."""
