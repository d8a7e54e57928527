"""The table of links."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, Index, PrimaryKeyConstraint, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Str, belongs_to


class ProductLink(Base):
    """That a product is shown beside another."""

    __tablename__ = "product_link"
    __table_args__ = (
        PrimaryKeyConstraint("tenant_id", "product_id", "kind", "other_id"),
        belongs_to("product", "product_id"),
        belongs_to("product", "other_id"),
        CheckConstraint("kind IN ('related', 'up_sell', 'cross_sell')", name="kind"),
        CheckConstraint("product_id <> other_id", name="other"),
        Index("ix_product_link_other", "tenant_id", "other_id"),
    )

    tenant_id: Mapped[UUID]
    product_id: Mapped[UUID]
    kind: Mapped[Str]
    other_id: Mapped[UUID]
    position: Mapped[int] = mapped_column(SmallInteger)
