"""The tables of attributes and types of product."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, PrimaryKeyConstraint, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Str, TenantOwned, Units, belongs_to


class Attribute(TenantOwned, Base):
    """Something that can be said of products, the same in every type that has it."""

    __tablename__ = "attribute"
    __table_args__ = (
        CheckConstraint("kind IN ('text', 'number', 'boolean', 'choice', 'colour', 'date')", name="kind"),
        CheckConstraint("unit IS NULL OR kind = 'number'", name="unit"),
        Index("uq_attribute_code", "tenant_id", "code", unique=True),
    )

    code: Mapped[Str]
    name: Mapped[Str]
    kind: Mapped[Str]
    unit: Mapped[Str | None]
    choices: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    """`[{code, name, colour}]`, in the order in which people see them."""
    translations: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """By locale, texts by their names; `catalog.translations` writes them."""
    retired: Mapped[bool] = mapped_column(server_default="false")
    version: Mapped[Units] = mapped_column(server_default="1")


class ProductType(TenantOwned, Base):
    """A type of product."""

    __tablename__ = "product_type"
    __table_args__ = (Index("uq_product_type_code", "tenant_id", "code", unique=True),)

    code: Mapped[Str]
    name: Mapped[Str]
    version: Mapped[Units] = mapped_column(server_default="1")


class ProductTypeAttribute(Base):
    """That products of a type have an attribute."""

    __tablename__ = "product_type_attribute"
    __table_args__ = (
        PrimaryKeyConstraint("tenant_id", "type_id", "attribute_id"),
        belongs_to("product_type", "type_id"),
        belongs_to("attribute", "attribute_id"),
        Index("ix_product_type_attribute_attribute", "tenant_id", "attribute_id"),
    )

    tenant_id: Mapped[UUID]
    type_id: Mapped[UUID]
    attribute_id: Mapped[UUID]
    position: Mapped[int] = mapped_column(SmallInteger)
    required: Mapped[bool] = mapped_column(server_default="false")
