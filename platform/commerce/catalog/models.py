"""Categories, products and variants."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, PrimaryKeyConstraint, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from foundation.database import Base
from foundation.tables import Created, Str, TenantOwned, Timestamp, Units, belongs_to


class Ltree(UserDefinedType[str]):
    """Postgres's label tree."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """The type's name in DDL."""
        return "ltree"


class TransactionId(UserDefinedType[str]):
    """Postgres's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """The type's name in DDL."""
        return "xid8"


class Category(TenantOwned, Base):
    """A node of the tenant's tree of categories."""

    __tablename__ = "category"
    __table_args__ = (
        belongs_to("category", "parent_id"),
        Index("uq_category_slug", "tenant_id", "slug", unique=True),
        Index("uq_category_path", "tenant_id", "path", unique=True),
        Index("ix_category_parent", "tenant_id", "parent_id"),
    )

    parent_id: Mapped[UUID | None]
    path: Mapped[str] = mapped_column(Ltree)
    name: Mapped[Str]
    slug: Mapped[Str]
    depth: Mapped[int] = mapped_column(SmallInteger)
    product_count: Mapped[Units] = mapped_column(server_default="0")
    translations: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """By locale, texts by their names; `catalog.translations` writes them."""


class Product(TenantOwned, Base):
    """Something for sale, in one or more variants."""

    __tablename__ = "product"
    __table_args__ = (
        belongs_to("category", "category_id"),
        belongs_to("vendor", "vendor_id"),
        Index("ix_product_vendor", "tenant_id", "vendor_id", postgresql_where=text("vendor_id IS NOT NULL")),
        CheckConstraint(
            "status IN ('draft', 'in_review', 'approved', 'rejected', 'published', 'archived')", name="status"
        ),
        CheckConstraint("publish_at IS NULL OR status = 'approved'", name="publish_at"),
        Index("ix_product_due", "tenant_id", "publish_at", postgresql_where=text("publish_at IS NOT NULL")),
        Index("ix_product_status", "tenant_id", "status", "id"),
        Index("uq_product_handle", "tenant_id", "handle", unique=True),
        Index("ix_product_listing", "tenant_id", "status", "rank", "id"),
        Index("ix_product_category", "tenant_id", "category_id", "status", "rank", "id"),
        belongs_to("product_type", "type_id"),
        Index("ix_product_type", "tenant_id", "type_id", "id", postgresql_where=text("type_id IS NOT NULL")),
        Index("ix_product_brand", "tenant_id", "brand", "id", postgresql_where=text("brand IS NOT NULL")),
    )

    category_id: Mapped[UUID | None]
    handle: Mapped[Str]
    title: Mapped[Str]
    description: Mapped[Str] = mapped_column(server_default="")
    brand: Mapped[Str | None]
    """The brand's name."""
    status: Mapped[Str] = mapped_column(server_default="published")
    rank: Mapped[Units] = mapped_column(server_default="0")
    """Place in listings, most wanted first: minus the units sold."""
    image: Mapped[Str | None]
    """Key of the main image in the object store; without one the shop draws it."""
    picture: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """The same for lists, in sizes: a `Cover`, made by `commerce.media` of the first image that is ready."""
    tax_class: Mapped[Str] = mapped_column(server_default="standard")
    vendor_id: Mapped[UUID | None]
    """Who sells it; the shop itself, when nobody is named."""
    gift_card: Mapped[bool] = mapped_column(server_default="false")
    """Whoever gets one unit of it gets a gift card that is good for its price."""
    type_id: Mapped[UUID | None]
    attributes: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """Values by the codes of attributes, in the form in which `attributes.values` keeps them."""
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    country_of_origin: Mapped[Str | None]
    """ISO 3166-1, two letters."""
    hs_code: Mapped[Str | None]
    """What customs know it by: digits of the Harmonised System."""
    options: Mapped[list[str]] = mapped_column(JSONB, server_default=text("'[]'"))
    """What its variants differ by, in the order in which people choose."""
    translations: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """By locale, texts by their names; `catalog.translations` writes them."""
    publish_at: Mapped[Timestamp | None]
    """When the worker publishes it."""
    published_at: Mapped[Timestamp | None]
    """When it first came into the shop; what came with the shop's first goods did when it was made."""
    version: Mapped[Units] = mapped_column(server_default="1")
    created_at: Mapped[Created]
    updated_at: Mapped[Created]


class ProductHandle(Base):
    """A handle that a product had when shoppers could see it, written by a trigger."""

    __tablename__ = "product_handle"
    __table_args__ = (
        PrimaryKeyConstraint("tenant_id", "handle"),
        belongs_to("product", "product_id"),
        Index("ix_product_handle_product", "tenant_id", "product_id"),
    )

    tenant_id: Mapped[UUID]
    handle: Mapped[Str]
    product_id: Mapped[UUID]


class Variant(TenantOwned, Base):
    """The thing a SKU names."""

    __tablename__ = "variant"
    __table_args__ = (
        belongs_to("product", "product_id"),
        Index("uq_variant_sku", "tenant_id", "sku", unique=True),
        Index("ix_variant_product", "tenant_id", "product_id", "position"),
        Index("ix_variant_gtin", "tenant_id", "gtin", postgresql_where=text("gtin IS NOT NULL")),
        Index(
            "uq_variant_options",
            "tenant_id",
            "product_id",
            "options",
            unique=True,
            postgresql_where=text("options <> '{}' AND NOT discontinued"),
        ),
    )

    product_id: Mapped[UUID]
    sku: Mapped[Str]
    gtin: Mapped[Str | None]
    title: Mapped[Str] = mapped_column(server_default="")
    position: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """What it is of each of the product's options."""
    bundle: Mapped[bool] = mapped_column(server_default="false")
    """It is made of others, and has no stock of its own."""
    digital: Mapped[bool] = mapped_column(server_default="false")
    """It is downloaded, which makes it a bundle of nothing: it takes no stock, and none of it is sent."""
    download_limit: Mapped[Units | None]
    """How often whoever bought it can download each of its files."""
    download_days: Mapped[Units | None]
    discontinued: Mapped[bool] = mapped_column(server_default="false")
    """The product doesn't come in it any more; what was sold of it, and what there is, stays."""


class SearchDocument(Base):
    """The words of a product.

    It is guarded as every table is. A search asks `search_products()`, which takes the tenant from the transaction and
    runs as the table's owner: under the app's policy a non-leakproof operator loses its index.
    """

    __tablename__ = "search_document"
    __table_args__ = (
        PrimaryKeyConstraint("tenant_id", "product_id"),
        Index("ix_search_document_words", "tenant_id", "words", postgresql_using="gin"),
        Index("ix_search_document_changed", "changed_in", "tenant_id", "product_id"),
    )

    tenant_id: Mapped[UUID]
    product_id: Mapped[UUID]
    rank: Mapped[Units] = mapped_column(server_default="0")
    words: Mapped[str] = mapped_column(TSVECTOR)
    updated_at: Mapped[Timestamp] = mapped_column(server_default=text("now()"))
    changed_in: Mapped[str] = mapped_column(TransactionId, server_default=text("'0'::xid8"))
    """The transaction that wrote it last, by a trigger; an index outside follows in that order."""
